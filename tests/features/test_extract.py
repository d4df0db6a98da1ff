import io
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from featurizer.catalog.store import Catalog
from featurizer.errors import OutputError, StaleOutput
from featurizer.features import pictures, prepare, shards
from featurizer.features.encode_again import verify_sample
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import label_accuracies, neighbors_of, summarize
from featurizer.features.verify import verify
from featurizer.records import ImageRef, ItemRecord
from tests.support.color import ColorEncoder, encoders, spec
from tests.support.items import make_catalog


def png(seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (20, 24, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def items(count):
    return [
        ItemRecord(
            f"i{n}",
            title=None if n % 5 == 4 else f"cup number {n} " * (n % 3 + 1),
            image=ImageRef() if n % 7 == 6 else ImageRef(data=png(n)),
        )
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", items(40))


def run(catalog, out, **options):
    defaults = ExtractOptions(batch_size=4, shard_rows=9)
    return extract(catalog, encoders(), out, replace(defaults, **options))


def hashes(features):
    return [shard.sha256 for shard in features.manifest.shards]


def test_every_item_is_a_row_in_the_catalogs_order_with_its_own_vector(catalog, tmp_path):
    features = run(catalog, tmp_path / "f")
    assert features.item_ids() == [f"i{n}" for n in range(40)]
    vectors, present = features.vectors("color_image")
    image, letters = encoders()
    for n, item in enumerate(items(40)):
        assert present[n] == (item.image.data is not None)
        if present[n]:
            expected = image.encode([image.prepare(Image.open(io.BytesIO(item.image.data)))])[0]
            np.testing.assert_allclose(vectors[n], expected, atol=1e-6)
    texts, has_text = features.vectors("letter_text")
    assert has_text.tolist() == [item.title is not None for item in items(40)]
    np.testing.assert_array_equal(texts[2], letters.encode(["cup number 2 cup number 2 cup number 2"])[0])
    assert verify(features) == []
    assert verify_sample(features, catalog, encoders(), sample=40) == []


@pytest.mark.parametrize(
    "options", [{"batch_size": 1}, {"batch_size": 64}, {"shard_rows": 100}, {"workers": 1}]
)
def test_vectors_do_not_depend_on_batch_shard_or_threads(catalog, tmp_path, options):
    one, other = run(catalog, tmp_path / "a"), run(catalog, tmp_path / "b", **options)
    for space in one.spaces:
        np.testing.assert_allclose(one.vectors(space)[0], other.vectors(space)[0], atol=1e-6)
        np.testing.assert_array_equal(one.vectors(space)[1], other.vectors(space)[1])


def test_datasets_polars_and_pyarrow_read_the_same_rows(catalog, tmp_path):
    features = run(catalog, tmp_path / "f")
    loaded = datasets.load_dataset(str(features.folder), split="train", cache_dir=str(tmp_path / "cache"))
    frame = pl.read_parquet(features.folder / "data" / "*.parquet")
    assert loaded.num_rows == frame.height == 40
    assert (
        frame["letter_text"].to_list()[0]
        == loaded[0]["letter_text"]
        == features.vectors("letter_text")[0][0].tolist()
    )


def test_a_finished_set_is_not_made_again_and_another_option_is_stale(catalog, tmp_path):
    first = run(catalog, tmp_path / "f")
    stamps = [path.stat().st_mtime_ns for path in first.shards]
    assert [path.stat().st_mtime_ns for path in run(catalog, tmp_path / "f").shards] == stamps
    with pytest.raises(StaleOutput, match=r"dtype \(\"float32\" there, \"float16\" asked for\)"):
        run(catalog, tmp_path / "f", dtype="float16")
    assert (
        run(catalog, tmp_path / "f", dtype="float16", overwrite=True).spaces["letter_text"].dtype == "float16"
    )


def test_a_vector_that_is_not_finite_is_a_row_with_its_reason(tmp_path):
    records = [ItemRecord("a", title="fine"), ItemRecord("b", title="infinite", image=ImageRef(data=b"junk"))]
    features = run(make_catalog(tmp_path / "c", records), tmp_path / "f")
    table = next(features.tables(["error", "letter_text"]))
    assert table.column("error").to_pylist() == [None, "image: not_an_image; letter_text: nonfinite"]
    assert table.column("letter_text").is_valid().to_pylist() == [True, False]
    assert features.manifest.failures == {"image: not_an_image": 1, "letter_text: nonfinite": 1}


def test_a_picture_that_is_broken_in_the_catalog_is_a_row_with_its_reason(tmp_path):
    import pyarrow.parquet as pq

    made = make_catalog(tmp_path / "c", items(5))
    table = pq.read_table(made.parts[0])
    rows = table.to_pylist()
    rows[1]["image"]["bytes"] = rows[1]["image"]["bytes"][:200]
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), made.parts[0])
    features = run(made, tmp_path / "f")
    assert next(features.tables(["error"])).column("error").to_pylist() == [
        None,
        "image: truncated",
        None,
        None,
        None,
    ]


def test_a_full_disk_keeps_the_finished_shards_and_the_next_run_ends_the_same(catalog, tmp_path, monkeypatch):
    whole = hashes(run(catalog, tmp_path / "whole"))
    write, written = shards.pq.write_table, []

    def full_after_two(*args, **kwargs):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(write(*args, **kwargs))

    monkeypatch.setattr(shards.pq, "write_table", full_after_two)
    with pytest.raises(OutputError, match="disk is full"):
        run(catalog, tmp_path / "f")
    monkeypatch.undo()
    kept = sorted((tmp_path / "f" / "data").iterdir())
    stamps = [path.stat().st_mtime_ns for path in kept]
    assert len(kept) == 2
    assert hashes(run(catalog, tmp_path / "f")) == whole
    assert [path.stat().st_mtime_ns for path in kept] == stamps


CHILD = """
import sys
from featurizer.catalog.store import Catalog
from featurizer.features.extract import ExtractOptions, extract
from tests.support.color import ColorEncoder, encoders, spec
from tests.support.items import make_catalog
from featurizer.results.store_path import place
options = ExtractOptions(batch_size=4, shard_rows=9, threads=1)
extract(Catalog.open(sys.argv[1]), encoders(delay=0.02), place(sys.argv[2]), options)
"""


def test_killed_at_ten_random_moments_it_ends_with_the_hashes_of_an_uninterrupted_run(catalog, tmp_path):
    whole = hashes(run(catalog, tmp_path / "whole"))
    draw = random.Random(0)
    killed = 0
    for _ in range(10):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(catalog.folder), str(tmp_path / "f")])
        begun = tmp_path / "f" / ".stage.json"
        while child.poll() is None and not begun.exists():
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.3))
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        if killed % 3 == 2:
            shutil.rmtree(tmp_path / "f", ignore_errors=True)
    assert killed >= 5
    assert hashes(run(catalog, tmp_path / "f")) == whole
    assert verify(FeatureSet.open(tmp_path / "f")) == []
    assert not list((tmp_path / "f").rglob("*.partial"))


def test_broken_off_at_each_write_in_turn_it_ends_the_same(catalog, tmp_path, monkeypatch):
    """Every rename, mark and removal of the run is once the last thing that happens."""
    whole = hashes(run(catalog, tmp_path / "whole"))
    steps = {"left": 0}

    def counted(work):
        def step(*args, **kwargs):
            if steps["left"] == 0:
                raise KeyboardInterrupt
            steps["left"] -= 1
            return work(*args, **kwargs)

        return step

    for allowed in range(60):
        out = tmp_path / f"f{allowed}"
        with monkeypatch.context() as patched:
            steps["left"] = allowed
            patched.setattr(Path, "replace", counted(Path.replace))
            patched.setattr(Path, "unlink", counted(Path.unlink))
            patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
            try:
                run(catalog, out, workers=1)
                finished = True
            except KeyboardInterrupt:
                finished = False
        features = run(catalog, out, workers=1)
        assert hashes(features) == whole, allowed
        assert verify(features) == []
        assert sorted(path.name for path in out.iterdir()) == [".featurizer", "data", "feature_set.json"], (
            allowed
        )
        if finished:
            break
    assert finished
    assert allowed > 15


def test_other_encoders_and_another_catalog_are_stale(catalog, tmp_path):
    run(catalog, tmp_path / "f")
    options = ExtractOptions(batch_size=4, shard_rows=9)
    with pytest.raises(StaleOutput, match=r"encoders\.letter_text"):
        extract(catalog, encoders()[:1], tmp_path / "f", options)
    other = make_catalog(tmp_path / "c", items(39))
    with pytest.raises(StaleOutput, match=r"catalog\.data_sha256"):
        extract(other, encoders(), tmp_path / "f", options)


def test_a_picture_is_decoded_once_for_all_encoders_and_few_are_held_at_a_time(tmp_path, monkeypatch):
    made = make_catalog(tmp_path / "c", [ItemRecord(f"i{n}", image=ImageRef(data=png(n))) for n in range(64)])
    decoded, encoded, most = [], [], []

    def decode(data):
        decoded.append(data)
        most.append(len(decoded) - sum(encoded))
        return real(data)

    real = prepare.decode
    monkeypatch.setattr(prepare, "decode", decode)
    one, two = ColorEncoder(spec("one", "image", 192)), ColorEncoder(spec("two", "image", 192), delay=0.02)
    encode = two.encode
    two.encode = lambda batch: (encoded.append(len(batch)), encode(batch))[1]
    features = extract(made, [one, two], tmp_path / "f", ExtractOptions(batch_size=2, shard_rows=64))
    assert len(decoded) == 64
    assert max(most) <= (pictures.PREFETCH + 2) * 2
    np.testing.assert_array_equal(features.vectors("one_image")[0], features.vectors("two_image")[0])


def test_a_picture_that_an_encoder_cannot_prepare_is_a_row_with_its_reason(tmp_path, monkeypatch):
    made = make_catalog(tmp_path / "c", items(3))
    prepare = ColorEncoder.prepare

    def picky(self, value):
        if value.getpixel((0, 0)) == Image.open(io.BytesIO(png(1))).getpixel((0, 0)):
            raise ZeroDivisionError
        return prepare(self, value)

    monkeypatch.setattr(ColorEncoder, "prepare", picky)
    features = run(made, tmp_path / "f")
    table = next(features.tables(["error", "has_image", "color_image"]))
    assert table.column("error").to_pylist() == [None, "color_image: prepare_ZeroDivisionError", None]
    assert table.column("has_image").to_pylist() == [True, True, True]
    assert table.column("color_image").is_valid().to_pylist() == [True, False, True]


def test_text_alone_reads_no_picture_and_counts_none_of_their_failures(tmp_path, monkeypatch):
    records = [
        ItemRecord("a", title="cup", image=ImageRef(data=b"junk")),
        ItemRecord("b", image=ImageRef(data=png(1))),
    ]
    made = make_catalog(tmp_path / "c", records)
    asked = []
    batches = Catalog.batches
    monkeypatch.setattr(
        Catalog,
        "batches",
        lambda self, columns, *rows, **rest: (asked.append(columns), batches(self, columns, *rows, **rest))[
            1
        ],
    )
    features = extract(made, encoders()[1:], tmp_path / "f", ExtractOptions())
    assert all("image" not in columns for columns in asked)
    table = next(features.tables(["error", "has_image", "has_text"]))
    assert table.column("error").to_pylist() == [None, None]
    assert table.column("has_image").to_pylist() == [False, True]
    assert table.column("has_text").to_pylist() == [True, False]


def test_the_manifest_says_where_the_time_went_and_with_which_libraries(catalog, tmp_path):
    manifest = run(catalog, tmp_path / "f").manifest
    assert set(manifest.seconds) == {"read", "decode", "encode", "write"}
    assert {"numpy", "pyarrow", "torch"} <= set(manifest.libraries)


def test_verify_sample_finds_other_weights(catalog, tmp_path):
    features = run(catalog, tmp_path / "f")
    changed = encoders()
    changed[1].spec = replace(changed[1].spec, weight_hash="1" * 64)
    assert verify_sample(features, catalog, changed, sample=3) == [
        "letter_text: the encoder's weights differ from those recorded"
    ]


def test_verify_sample_finds_a_changed_vector(catalog, tmp_path, monkeypatch):
    features = run(catalog, tmp_path / "f")
    changed = encoders()
    monkeypatch.setattr(type(changed[1]), "encode", lambda self, texts: np.ones((len(texts), 32), np.float32))
    problems = verify_sample(features, catalog, changed, sample=10)
    assert problems
    assert all("letter_text" in problem for problem in problems)


def test_inspect_counts_null_and_duplicate_rows(tmp_path):
    records = [
        ItemRecord("a", title="same"),
        ItemRecord("b", title="same"),
        ItemRecord("c"),
        ItemRecord("d", title="other"),
    ]
    summary = summarize(run(make_catalog(tmp_path / "c", records), tmp_path / "f"))["letter_text"]
    assert (summary.null, summary.zero, summary.nonfinite, summary.duplicate) == (1, 0, 0, 1)
    assert summary.norm_min > 0


def test_neighbors_are_the_nearest_other_items(tmp_path):
    records = [
        ItemRecord("a", title="abc"),
        ItemRecord("b", title="abcd"),
        ItemRecord("c", title="xyz"),
        ItemRecord("d"),
    ]
    features = run(make_catalog(tmp_path / "c", records), tmp_path / "f")
    found = neighbors_of(features, "a", k=10)
    assert list(found) == ["letter_text"]
    assert [one.item_id for one in found["letter_text"]] == ["b", "c"]


def test_label_accuracy_is_asked_of_a_catalog_column(tmp_path):
    records = [
        ItemRecord(name, title=title, brand=title[0])
        for name, title in zip("abcd", ["aa", "aab", "zz", "zzy"], strict=True)
    ]
    made = make_catalog(tmp_path / "c", records)
    assert label_accuracies(run(made, tmp_path / "f"), made, "brand")["letter_text"].accuracy == 1.0


def test_an_empty_list_is_no_label(tmp_path):
    paths = [("Mugs",), (), ("Pans",), (), ("Mugs", "Cups")]
    records = [
        ItemRecord(name, title=name * 3, categories=path) for name, path in zip("abcde", paths, strict=True)
    ]
    made = make_catalog(tmp_path / "c", records)
    found = label_accuracies(run(made, tmp_path / "f"), made, "categories")["letter_text"]
    assert (found.items, found.labels, found.in_text) == (3, 3, 1.0)


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_order_of_items_changes_no_vector(tmp_path_factory, order):
    folder, source = tmp_path_factory.mktemp("order"), items(12)
    plain, mixed = (
        run(make_catalog(folder / name, records), folder / f"f-{name}")
        for name, records in (("plain", source), ("mixed", [source[place] for place in order]))
    )
    for space in plain.spaces:
        (vectors, present), (others, there) = plain.vectors(space), mixed.vectors(space)
        np.testing.assert_array_equal(others, vectors[list(order)])
        np.testing.assert_array_equal(there, present[list(order)])
