"""Inputs of the kinds that went wrong for people, each with its right value: a function a case, a row a case in CASES.

The inputs lie outside the repository, in the folder cases/ of FEATURIZER_SHARED.
"""

from __future__ import annotations

import json
import shutil
import stat

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from featurizer.catalog.datasets import DatasetEntry, DatasetFile
from featurizer.catalog.decode import decode
from featurizer.catalog.download import download
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.interactions import SplitOptions
from featurizer.catalog.store import Catalog
from featurizer.features.feature_set import FeatureSet
from tests.support.program import run_program


class Case:
    """A case's folder, copied to where the program is run; and what the program answers there."""

    def __init__(self, folder, call):
        self.folder, self.call = folder, call

    def run(self, *arguments):
        code, said, told = self.call(*arguments)
        assert code == 0, told
        return said, told

    def ingest(self, path, *options):
        """Return the catalog, the interactions where there are any, and what was said on the way."""
        _, told = self.run("ingest", path, *options, "--out", "o", "--overwrite")
        pairs = self.folder / "o/interactions.parquet"
        return Catalog.open("o"), pl.read_parquet(pairs) if pairs.exists() else None, told


def items(catalog, column):
    """Return a column by item id."""
    return dict(zip(*(catalog.column(name).to_pylist() for name in ("item_id", column)), strict=True))


def random_floor_counts_unreachable(case):
    floor, told = random_floor(case, "leak.csv")
    assert "15 test pairs are train pairs too and can never be found" in told
    assert floor == pytest.approx(0.2698, abs=0.001)


def nan_floor_crash(case):
    random_floor(case, "glut.csv")


def random_floor(case, pairs):
    """Return Recall@10 of the random floor, which equals that of 4000 drawn orders, and what was said."""
    ten = ("--metrics", "zero-shot", "--k", 10)
    _, told = case.run("score-features", "fs", "-i", pairs, *ten, "--out", "s")
    rows = json.loads((case.folder / "s/scores.json").read_text())["scores"]
    (floor,) = [
        row["value"] for row in rows if row["metric"] == "floor_random_recall" and row["split"] == "test"
    ]
    frame, ids = pl.read_csv(case.folder / pairs, infer_schema=False), FeatureSet.open("fs").item_ids()
    recalls, generator = [], np.random.default_rng(0)
    for _, rows in frame.group_by("user_id", maintain_order=True):
        train, test = (set(rows.filter(pl.col("split") == name)["item_id"]) for name in ("train", "test"))
        candidates = [item for item in ids if item not in train]
        if train and test:
            shown = (set(generator.permutation(candidates)[:10]) for _ in range(4000))
            recalls.append(np.mean([len(test & one) / len(test) for one in shown]))
    assert floor == pytest.approx(np.mean(recalls), abs=0.002)
    return floor, told


def asin_before_parent_asin(case):
    for reviews in ("reviews.parquet", "reviews.csv"):
        dead = ("--max-failures", 12)  # two pictures each of a host that is not there
        catalog, pairs, _ = case.ingest("meta.jsonl", "--interactions", reviews, *dead)
        assert set(pairs["item_id"]) <= set(items(catalog, "title"))
        assert pairs.height == 36


def binary_strings(case):
    catalog, _, _ = case.ingest("spark.parquet")
    assert items(catalog, "text") == {"B001": "Enamel mug Kitchen", "B002": "Desk lamp Home"}


def classlabel_as_number(case):
    for path in ("hf:./hub", "hub/data/train-00000-of-00001.parquet"):
        catalog, _, _ = case.ingest(path)
        assert items(catalog, "text") == {"1": "a mugs", "2": "b pots", "3": "c"}


def decimal_date_quoted(case):
    catalog, _, _ = case.ingest("odd.parquet")
    assert items(catalog, "price")["a"] == "1.10"
    assert items(catalog, "day")["a"] == "2020-01-01"


def float_ids(case):
    for pairs in ("floatid.parquet", "floatid.csv"):
        catalog, bought, told = case.ingest("items.csv", "--interactions", pairs)
        assert set(bought["item_id"]) == set(items(catalog, "title"))
        assert "not in the catalog" not in told


def leave_one_out_ties_by_id(case):
    _, pairs, told = case.ingest("items.csv", "--interactions", "days.csv", "--split", "leave-one-out")
    number = pl.col("item_id").str.extract(r"(\d+)$").cast(pl.Float64)
    for name in ("test", "valid", "train"):
        assert pairs.filter(pl.col("split") == name).select(number.mean()).item() == pytest.approx(
            250, abs=25
        )
    assert "of 400 users have equal times" in told


def one_bad_review_line(case):
    expected = {
        "r_midbad.json": [("u", "B1", 5.0), ("u", "B3", 5.0)],
        "r_nan.json": [("u", "B1", None)],
        "r_strnum.json": [("u", "B1", 4.0)],
        "r_badutf8.json": [("u", "B1", 5.0)],
        "r_bom.json": [("u", "B1", 5.0)],
    }
    for name, pairs in expected.items():
        made = downloaded(case.folder, name)
        found = pl.read_parquet(made.folder / "interactions.parquet").sort("item_id")
        assert found.select("user_id", "item_id", "rating").rows() == pairs
        assert items(made, "title") == {"A1": "ok", "A3": "ok"}
        assert made.manifest.notes["malformed_lines"] == 1


def downloaded(folder, reviews):
    """Return the catalog of reviews and of the metadata with a bad byte, read as Amazon's of 2018, and of all items."""
    files = {"metadata": "m_badutf8.json", "interactions": reviews}
    told = dict.fromkeys(("title", "license", "terms", "citation"), "none")
    entry = DatasetEntry(
        format="amazon-2018",
        **{name: DatasetFile(url=(folder / file).as_uri()) for name, file in files.items()},
        **told,
    )
    with ImageFetcher() as fetcher:
        return download(
            "case", entry, folder / "o" / reviews, split=SplitOptions(0), all_items=True, fetcher=fetcher,
            cache=folder / "cache",
        )  # fmt: skip


def dangling_symlink_kills_ingest(case):
    link = case.folder / "pics/b.png"
    if not link.is_symlink():  # a copy of the cases may have made a file of it
        link.unlink()
        link.symlink_to("nowhere.png")
    catalog, _, _ = case.ingest("items.csv", "--images", "pics")
    assert items(catalog, "image_status") == {"a": "ok", "b": "missing_file"}
    catalog, _, _ = case.ingest("pics")
    assert items(catalog, "image_status") == {"a": "ok", "b": "missing_file"}


def equal_stems_first_folder(case):
    catalog, _, told = case.ingest("items.csv", "--images", "pics")
    assert "2 items have several pictures of their name" in told
    assert catalog.manifest.notes == {"items_with_several_pictures": 2}


def encodings(case):
    titles = {"latin.csv": ("café", "cp1252"), "cp.csv": ("“smart”", "cp1252"), "utf16.csv": ("x", "utf-16")}
    for name, (title, codec) in titles.items():
        catalog, _, told = case.ingest(name)
        assert items(catalog, "title") == {"a": title}
        assert f"{name}: read as {codec} (" in told


def float_tiff_black(case):
    catalog, _, _ = case.ingest("items.csv", "--images", ".")
    assert items(catalog, "image_status") == {"ref": "ok", "float": "ok"}
    rows = catalog.to_polars(["item_id", "image"]).rows()
    pictures = {item: np.asarray(decode(image["bytes"]), float) for item, image in rows}
    np.testing.assert_allclose(pictures["float"], pictures["ref"], atol=1)


def jpeg_without_eoi(case):
    catalog, _, _ = case.ingest("items.csv", "--images", ".")
    assert items(catalog, "image_status") == {"a": "ok"}


def png_metadata_over_1mib(case):
    catalog, _, _ = case.ingest("t.csv", "--images", "txt")
    assert set(items(catalog, "image_status").values()) == {"ok"}
    assert catalog.rows == 5


def remote_code_prompt(case):
    case.ingest("items.csv")
    code, _, told = case.call("extract", "o", "--encoder", "transformers:./remote", "--out", "f")
    assert code == 1
    assert "executed!" not in told
    assert "trust_remote_code=True" not in told


def siglip_attention_mask(case):
    case.ingest("items.csv")
    for name in ("siglip", "sigsp_mask"):
        as_siglip_was_trained(case, name)


def siglip_needs_sentencepiece(case):
    case.ingest("items.csv")
    as_siglip_was_trained(case, "sigsp_nomask")


def as_siglip_was_trained(case, name):
    """Texts are padded to their full length, and the padding is read."""
    case.run("extract", "o", "--encoder", f"transformers:./{name}", "--out", f"f-{name}")
    model, tokenizer = (
        AutoModel.from_pretrained(f"./{name}").eval(),
        AutoTokenizer.from_pretrained(f"./{name}"),
    )
    length = model.config.text_config.max_position_embeddings
    texts = list(items(Catalog.open("o"), "text").values())
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        expected = model.text_model(input_ids=tokens["input_ids"]).pooler_output.numpy()
    np.testing.assert_allclose(vectors(f"f-{name}"), unit(expected), atol=1e-5)


def text_cut_unsaid(case):
    case.ingest("items.csv", "--max-failures", 99)
    made, _ = case.run("extract", "o", "--encoder", "minilm", "--out", "f")
    said, _ = case.run("inspect", "f")
    counted = "2 of 16 texts (12.5%) are longer than its 256 tokens"
    assert counted in made
    assert counted in said
    assert counted in (case.folder / "f/README.md").read_text()


def tokenizer_without_pad(case):
    case.ingest("items.csv")
    case.run("extract", "o", "--encoder", "transformers:./gpt2", "--out", "f")
    model, tokenizer = AutoModel.from_pretrained("./gpt2").eval(), AutoTokenizer.from_pretrained("./gpt2")
    for text, vector in zip(("red enamel mug", "blue desk lamp"), vectors("f"), strict=False):
        with torch.no_grad():
            last = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[:, -1].numpy()
        np.testing.assert_allclose(vector, unit(last)[0], atol=1e-5)


def vectors(folder):
    """Return a set's one space of text, each row of length 1."""
    features = FeatureSet.open(folder)
    (name,) = (name for name in features.spaces if name.endswith("_text"))
    return unit(np.asarray(features.vectors(name)[0], np.float64))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


CASES = {
    "asin-before-parent-asin": asin_before_parent_asin,
    "binary-strings": binary_strings,
    "classlabel-as-number": classlabel_as_number,
    "dangling-symlink-kills-ingest": dangling_symlink_kills_ingest,
    "decimal-date-quoted": decimal_date_quoted,
    "encodings": encodings,
    "equal-stems-first-folder": equal_stems_first_folder,
    "float-ids": float_ids,
    "float-tiff-black": float_tiff_black,
    "jpeg-without-eoi": jpeg_without_eoi,
    "leave-one-out-ties-by-id": leave_one_out_ties_by_id,
    "nan-floor-crash": nan_floor_crash,
    "one-bad-review-line": one_bad_review_line,
    "png-metadata-over-1mib": png_metadata_over_1mib,
    "random-floor-counts-unreachable": random_floor_counts_unreachable,
    "remote-code-prompt": remote_code_prompt,
    "siglip-attention-mask": siglip_attention_mask,
    "siglip-needs-sentencepiece": siglip_needs_sentencepiece,
    "text-cut-unsaid": text_cut_unsaid,
    "tokenizer-without-pad": tokenizer_without_pad,
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_comes_out_right(name, shared_cases, tmp_path, monkeypatch, capsys, caplog):
    shutil.copytree(shared_cases / name, tmp_path / name, symlinks=True)
    for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
    monkeypatch.chdir(tmp_path / name)

    def call(*arguments):
        caplog.clear()
        code, said, told = run_program(monkeypatch, capsys, *arguments)
        return code, said, told + caplog.text

    CASES[name](Case(tmp_path / name, call))


def test_every_case_is_here(shared_cases):
    assert sorted(CASES) == sorted(path.name for path in shared_cases.iterdir())
