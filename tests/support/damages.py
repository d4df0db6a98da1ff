# ruff: noqa: E501 - one line each
"""What can befall a result, one line each: done to real folders, and what `featurizer verify` must say of it.

`forged` does not only change a file: it writes every hash of it anew, as somebody would who wants it to pass.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

from featurizer.features.shards import ids_sha256
from featurizer.results.files import file_sha256, fingerprint
from featurizer.results.seal import SEAL, sealed

SHARD = "data/train-00000-of-00003.parquet"
NEXT = "data/train-00001-of-00003.parquet"
PART = "items/part-00000.parquet"
SET, CATALOG, MODEL = "feature_set.json", "catalog.json", "model/manifest.json"
COLOR, LETTER = "color_image", "letter_text"


@dataclass(frozen=True)
class Damage:
    """One line of the table.

    Attributes:
        name: what befell it.
        kind: the folder it is done to.
        harm: does it.
        said: a part of what must be said; of what cannot be caught, why, in a word that the docs have.
    """

    name: str
    kind: str
    harm: Callable[[Path], object]
    said: str


# files


def garbage(name, data=b"garbage"):
    return lambda folder: (folder / name).write_bytes(data)


def cut(name, share=0.5):
    def harm(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return harm


def flip(name, share=0.5):
    def harm(folder):
        data = bytearray((folder / name).read_bytes())
        data[int(len(data) * share)] ^= 1
        (folder / name).write_bytes(bytes(data))

    return harm


def gone(name):
    return lambda folder: (folder / name).unlink()


def linked(name):
    def harm(folder):
        elsewhere = folder.parent / "elsewhere"
        shutil.move(folder / name, elsewhere)
        (folder / name).symlink_to(elsewhere)

    return harm


def swapped(one, other):
    def harm(folder):
        (folder / one).replace(folder / "x")
        (folder / other).replace(folder / one)
        (folder / "x").replace(folder / other)

    return harm


def replaced(one, other):
    return lambda folder: shutil.copyfile(folder / other, folder / one)


def added(name, data=b"x"):
    def harm(folder):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return harm


def text(name, old, new):
    def harm(folder):
        before = (folder / name).read_text("utf-8")
        assert old in before, (name, old)
        (folder / name).write_text(before.replace(old, new, 1), "utf-8")

    return harm


# JSON


def at(document, path):
    for key in path[:-1]:
        document = document[key]
    return document


GONE = object()


def told(name, *path_and_value, forged=False):
    """Change a field of a JSON file; forged, its own hash and its fingerprint are made anew."""
    *path, value = path_and_value

    def harm(folder):
        document = json.loads((folder / name).read_text("utf-8"))
        where = at(document, path)
        if value is GONE:
            del where[path[-1]]
        else:
            before = where[path[-1]] if isinstance(where, list) or path[-1] in where else None
            changed = value(before) if callable(value) else value
            assert changed != before, (name, path)
            where[path[-1]] = changed
        (folder / name).write_text(json.dumps(forge(document) if forged else document), "utf-8")

    return harm


def forge(document):
    if "config" in document:
        document = {**document, "fingerprint": fingerprint(document["config"])}
    return sealed(document) if SEAL in document else document


set_told, forged = partial(told, SET), partial(told, SET, forged=True)
cat_told = partial(told, CATALOG)


def nested(name, depth=100_000):
    return garbage(name, b'{"a":' * depth + b"1" + b"}" * depth)


# tables


def rows(change, name=SHARD, *, honest=True):
    """Rewrite a shard; the manifest lists its new size and hash, as if it had been made so."""

    def harm(folder):
        table = pq.read_table(folder / name)
        changed = change(table)
        pq.write_table(changed, folder / name, row_group_size=1024)
        if honest and (folder / SET).exists():
            document = json.loads((folder / SET).read_text("utf-8"))
            entry = next(one for one in document["shards"] if one["path"] == name)
            entry |= {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)}
            (folder / SET).write_text(json.dumps(forge(document)), "utf-8")

    return harm


def column(name, change):
    """Change a column's values; `change` takes and returns a list."""

    def harm(table):
        place = table.column_names.index(name)
        values = change(table.column(name).to_pylist())
        field = table.schema.field(name).with_nullable(True)
        return table.set_column(place, field, pa.array(values, field.type))

    return harm


def nth(place, value):
    def change(values):
        values[place] = value(values[place]) if callable(value) else value
        return values

    return change


def vector(name, value, place=1):
    """Change one item's vector, the first one at or after a place that has one."""

    def change(values):
        chosen = next(row for row in range(place, len(values)) if values[row] is not None)
        values[chosen] = value(values[chosen])
        return values

    return column(name, change)


def first_null(values, value):
    values[next(row for row, one in enumerate(values) if one is None)] = value
    return values


def as_type(name, kind):
    def harm(table):
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(table.column(name).to_pylist(), kind))

    return harm


def parts(change, *, hashed=False):
    """Rewrite a catalog's first part; hashed, the catalog's hash over its parts is made anew."""

    def harm(folder):
        pq.write_table(change(pq.read_table(folder / PART)), folder / PART)
        if hashed:
            digest = hashlib.sha256()
            for path in sorted((folder / "items").iterdir()):
                digest.update(file_sha256(path).encode())
            told(CATALOG, "data_sha256", digest.hexdigest(), forged=True)(folder)

    return harm


def listed(name, change):
    """Rewrite a Parquet file that is no shard."""

    def harm(folder):
        pq.write_table(change(pq.read_table(folder / name)), folder / name)

    return harm


def tensors(name, change):
    def harm(folder):
        save_file(change(load_file(folder / name)), folder / name)

    return harm


def model_forged(name, harm_file):
    """Change a model's file and write its hash into the manifest."""

    def harm(folder):
        harm_file(folder)
        told(MODEL, "files", Path(name).name, file_sha256(folder / name), forged=True)(folder)

    return harm


def without_cards(harm):
    """Do it, and take away what would be compared: a release need not have a card."""

    def both(folder):
        harm(folder)
        for name in ("README.md", "croissant.json", "examples.json"):
            (folder / name).unlink()

    return both


def other_picture(row):
    return {**row, "bytes": row["bytes"] + b"x"}


def swap_first_two(values):
    values[0], values[1] = values[1], values[0]
    return values


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NAN, INF = float("nan"), float("inf")

SHARDS = [
    Damage("a shard is gone", "set", gone(SHARD), "it is missing"),
    Damage("a shard is cut in half", "set", cut(SHARD), "cannot be read"),
    Damage("a shard lost its last byte", "set", cut(SHARD, 0.9999), "bytes, the manifest says"),
    Damage("a bit of a shard is flipped", "set", flip(SHARD), "its sha256 differs"),
    Damage("a shard is empty", "set", garbage(SHARD, b""), "cannot be read"),
    Damage("a shard is no Parquet", "set", garbage(SHARD), "cannot be read"),
    Damage("a shard is a Parquet footer alone", "set", garbage(SHARD, b"PAR1" + b"\xff" * 40 + b"PAR1"), "cannot be read"),
    Damage("two shards are swapped", "set", swapped(SHARD, NEXT), "its sha256 differs"),
    Damage("a shard is a copy of another", "set", replaced(SHARD, NEXT), "its sha256 differs"),
    Damage("a shard too many", "set", added("data/train-00003-of-00003.parquet"), "is not in the manifest"),
    Damage("a file in a folder of data", "set", added("data/more/notes.txt"), "is not in the manifest"),
    Damage("a hidden file in data", "set", added("data/.hidden"), "is not in the manifest"),
    Damage("a shard is a link", "set", linked(SHARD), "it is a link"),
    Damage("the folder of data is a link", "set", linked("data"), "data is a link"),
    Damage("a row is gone", "set", rows(lambda t: t.slice(1)), "rows, the manifest says"),
    Damage("a row is there twice", "set", rows(lambda t: pa.concat_tables([t, t.slice(0, 1)])), "appear more than once"),
    Damage("two rows are swapped", "set", rows(lambda t: t.take([1, 0, *range(2, len(t))])), "or their order"),
    Damage("two ids are swapped", "set", rows(column("item_id", swap_first_two)), "or their order"),
    Damage("an id is another", "set", rows(column("item_id", nth(0, "other"))), "its item ids, or"),
    Damage("an id is empty", "set", rows(column("item_id", nth(0, ""))), "an item id is empty"),
    Damage("an id is null", "set", rows(column("item_id", nth(0, None))), "1 nulls, expected none"),
    Damage("an id is another shard's", "set", rows(column("item_id", nth(0, "i30"))), "appear more than once"),
    Damage("a number is NaN", "set", rows(vector(COLOR, lambda v: [NAN, *v[1:]])), "NaN or infinity"),
    Damage("a number is infinite", "set", rows(vector(LETTER, lambda v: [INF, *v[1:]])), "NaN or infinity"),
    Damage("a vector is zeros", "set", rows(vector(COLOR, lambda v: [0.0] * len(v))), "are all zeros, the manifest says"),
    Damage("a vector is null", "set", rows(vector(COLOR, lambda v: None)), "are null, the manifest says"),
    Damage("a null is filled", "set", rows(column(COLOR, lambda v: first_null(v, [1.0] * 192))), "though has_image is false"),
    Damage("a number in a vector is null", "set", rows(vector(COLOR, lambda v: [None, *v[1:]])), "null inside vectors"),
    Damage("has_image is turned", "set", rows(column("has_image", nth(0, lambda v: not v))), "though has_image is false"),
    Damage("has_text is turned", "set", rows(column("has_text", nth(12, lambda v: not v))), "with_text is"),
    Damage("has_text is null", "set", rows(column("has_text", nth(0, None))), "1 nulls, expected none"),
    Damage("an error is made up", "set", rows(column("error", nth(0, "image: timeout"))), "failed is 0, the shards hold 1"),
    Damage("a column too many", "set", rows(lambda t: t.append_column("more", pa.nulls(len(t)))), "does not know: more"),
    Damage("a column is gone", "set", rows(lambda t: t.drop_columns(LETTER)), "column letter_text is missing"),
    Damage("a column is there twice", "set", rows(lambda t: t.append_column(COLOR, t.column(COLOR))), "cannot be read: Multiple matches"),
    Damage("columns stand in another order", "set", rows(lambda t: t.select([*t.column_names[1:], "item_id"])), "its columns are"),
    Damage("vectors are of another type", "set", rows(as_type(COLOR, pa.list_(pa.float64(), 192))), "column color_image is"),
    Damage("vectors have any length", "set", rows(as_type(COLOR, pa.list_(pa.float32()))), "column color_image is"),
    Damage("ids are numbers", "set", rows(lambda t: t.set_column(0, "item_id", pa.array(range(len(t))))), "column item_id is int64"),
    Damage("the columns' description is gone", "set", rows(lambda t: t.replace_schema_metadata({})), "'huggingface' in its metadata"),
]  # fmt: skip
"""The shards of a feature set; what changes rows has its new hash in the manifest."""

MANIFEST = [
    Damage("the model is another", "set", forged("spaces", COLOR, "model", "better"), "spaces.color_image.model is"),
    Damage("the weights' hash is another", "set", forged("spaces", COLOR, "weight_hash", "1" * 64), "weight_hash is"),
    Damage("the revision is another", "set", forged("spaces", COLOR, "revision", "main"), "revision is"),
    Damage("the pooling is another", "set", forged("spaces", COLOR, "pooling", "cls"), "pooling is"),
    Damage("the modality is another", "set", forged("spaces", COLOR, "modality", "text"), "modality is"),
    Damage("the weights' license is another", "set", forged("spaces", COLOR, "license", "MIT"), "license is"),
    Damage("normalized is turned", "set", forged("spaces", COLOR, "normalized", True), "normalized is"),
    Damage("the preprocessing is another", "set", forged("spaces", COLOR, "preprocessing", {"size": 9}), "preprocessing is"),
    Damage("the family is another", "set", forged("spaces", COLOR, "family", "timm"), "family is"),
    Damage("the source of the weights is another", "set", forged("spaces", COLOR, "source", "hub"), "source is"),
    Damage("the compute type is another", "set", forged("spaces", COLOR, "compute_dtype", "float16"), "compute_dtype is"),
    Damage("the width is another", "set", forged("spaces", COLOR, "dim", 191), "column color_image is"),
    Damage("the type is another", "set", forged("spaces", COLOR, "dtype", "float16"), "are stored as float16, float32"),
    Damage("the nulls are fewer", "set", forged("spaces", COLOR, "null", 0), "null is 0"),
    Damage("a shard's nulls are fewer", "set", forged("shards", 0, "null", COLOR, 0), "are null, the manifest says 0"),
    Damage("a shard's zeros are more", "set", forged("shards", 0, "zero", COLOR, 3), "all zeros, the manifest says 3"),
    Damage("a space is gone", "set", forged("spaces", COLOR, GONE), "does not know: color_image"),
    Damage("a space too many", "set", forged("spaces", lambda s: {**s, "more_image": s[COLOR]}), "column more_image is missing"),
    Damage("the rows are more", "set", forged("rows", 61), "rows is 61"),
    Damage("pictures are more", "set", forged("with_image", 60), "with_image is 60"),
    Damage("texts are more", "set", forged("with_text", 60), "with_text is 60"),
    Damage("failures are made up", "set", forged("failed", 5), "failed is 5"),
    Damage("reasons are made up", "set", forged("failures", {"image: timeout": 1}), "failures is image: timeout 1"),
    Damage("the text recipe is another", "set", set_told("text_recipe", "template", "{title}!"), "changed since it was written"),
    Damage("a forged text recipe, with the catalog", "set", without_cards(forged("text_recipe", "template", "{title}!")), "text recipe is not that of"),
    Damage("the source's license is another", "set", set_told("source", "license", "MIT"), "changed since it was written"),
    Damage("a forged license of the source, with the catalog", "set", without_cards(forged("source", "license", "MIT")), "its source is not what"),
    Damage("the vectors' license is another", "set", set_told("license", "MIT"), "changed since it was written"),
    Damage("a forged license, with its card", "set", forged("license", "MIT"), "README.md: line"),
    Damage("a library's version is another", "set", forged("libraries", "torch", "1.0"), "libraries is"),
    Damage("the device is another", "set", forged("device", "cuda"), "device is"),
    Damage("the threads are others", "set", forged("threads", 64), "threads is"),
    Damage("the catalog is another", "set", forged("catalog", "fingerprint", "1" * 64), "catalog is"),
    Damage("the format is a later one", "set", forged("format_version", 2), "it is of format 2"),
    Damage("the version is another", "set", set_told("featurizer_version", "9.9"), "changed since it was written"),
    Damage("the requests are others", "set", set_told("requests", ["clip"]), "changed since it was written"),
    Damage("a mask is made up", "set", set_told("mask", "image"), "changed since it was written"),
    Damage("the fingerprint is another", "set", set_told("fingerprint", "1" * 64), "fingerprint is not that"),
    Damage("the configuration is another", "set", set_told("config", "batch_size", 1), "fingerprint is not that"),
    Damage("a forged size of shards", "set", forged("config", "shard_rows", 30), "in shards of 30"),
    Damage("a forged configuration of an encoder", "set", forged("config", "encoders", COLOR, "dim", 8), "dim is 192"),
    Damage("a shard is not listed", "set", forged("shards", lambda s: s[:2]), "is not in the manifest"),
    Damage("shards are listed in another order", "set", forged("shards", lambda s: [s[1], s[0], s[2]]), "expected data/train-00000"),
    Damage("no shard is listed", "set", forged("shards", []), "lists no shard"),
    Damage("a shard outside is listed", "set", forged("shards", 0, "path", "../x.parquet"), "expected data/train-"),
    Damage("a shard's hash is another", "set", forged("shards", 0, "sha256", "1" * 64), "its sha256 differs"),
    Damage("a shard's size is another", "set", forged("shards", 0, "bytes", 1), "bytes, the manifest says 1"),
    Damage("a shard's ids are others", "set", forged("shards", 0, "item_ids", "1" * 64), "its item ids, or their order"),
    Damage("the manifest's own hash is gone", "set", set_told(SEAL, GONE), "it has no manifest_sha256"),
    Damage("the manifest's own hash is another", "set", set_told(SEAL, "1" * 64), "changed since it was written"),
    Damage("a field is made up", "set", set_told("unknown", 1), "changed since it was written"),
    Damage("a field is gone", "set", set_told("rows", GONE), "it has no 'rows'"),
    Damage("a field is of another type", "set", set_told("rows", "60"), "'rows' is \"60\""),
    Damage("the manifest is gone", "set", gone(SET), "it is no finished result"),
    Damage("the manifest is empty", "set", garbage(SET, b""), "cannot be read as JSON"),
    Damage("the manifest is cut", "set", cut(SET), "cannot be read as JSON"),
    Damage("the manifest is a list", "set", garbage(SET, b"[]"), "holds a JSON list"),
    Damage("the manifest is nested without end", "set", nested(SET), "cannot be read as JSON"),
    Damage("the manifest is nested deeply", "set", nested(SET, 600), "nested too deeply"),
    Damage("the manifest is in another encoding", "set", garbage(SET, '{"ä": 1}'.encode("utf-16")), "cannot be read as JSON"),
    Damage("a key stands twice", "set", text(SET, '"rows": 60', '"rows": 61, "rows": 60'), "stands twice"),
    Damage("a number is no JSON", "set", text(SET, '"rows": 60', '"rows": NaN'), "NaN is no JSON"),
    Damage("a text is half a character", "set", text(SET, '"rows": 60', '"rows": 60, "x": "\\ud800"'), "cannot be read as JSON"),
    Damage("the manifest is a link", "set", linked(SET), "feature_set.json is a link"),
    Damage("the set is unfinished", "set", added(".stage.json", b"{}"), "unfinished"),
]  # fmt: skip
"""`feature_set.json`."""

BESIDE = [
    Damage("the card's license is another", "set", text("README.md", 'license: "cc-by-4.0"', "license: mit"), "README.md: line"),
    Damage("the card's rows are more", "set", text("README.md", "num_examples: 60", "num_examples: 6000"), "README.md: line"),
    Damage("the card's model is another", "set", text("README.md", "| color |", "| clip |"), "README.md: line"),
    Damage("the card is another encoding", "set", garbage("README.md", "ä".encode("latin-1")), "README.md: it cannot be read"),
    Damage("the card is empty", "set", garbage("README.md", b""), "README.md: it has 0 lines"),
    Damage("a score is better", "set", told("scores.json", "scores", 0, "value", 0.99), "scores.json: it was changed"),
    Damage("a forged score outside its interval", "set", told("scores.json", "scores", 0, "value", 0.99, forged=True), "outside their intervals"),
    Damage("a forged score of another space", "set", told("scores.json", "scores", 0, "space", "clip", forged=True), "which feature_set.json does not list"),
    Damage("the scores are another set's", "set", told("scores.json", "feature_set_fingerprint", "1" * 64, forged=True), "of another feature set"),
    Damage("the scores' own hash is gone", "set", told("scores.json", SEAL, GONE), "scores.json: it has no manifest_sha256"),
    Damage("the scores are cut", "set", cut("scores.json"), "scores.json cannot be looked at"),
    Damage("the scores are of another type", "set", garbage("scores.json", b'{"scores": {"a": 1}}'), "scores.json"),
    Damage("the scores are gone, their picture is not", "set", gone("scores.json"), "scores.png: it is there without"),
    Damage("the picture of the scores is cut", "set", cut("scores.png"), "scores.png: it is no whole picture"),
    Damage("the picture of the scores is none", "set", garbage("scores.png"), "scores.png: it is no whole picture"),
    Damage("the Croissant's hash is another", "set", told("croissant.json", "distribution", 0, "sha256", "1" * 64), "croissant.json: distribution[0].sha256"),
    Damage("the Croissant's license is another", "set", text("croissant.json", "CC-BY-4.0", "MIT"), "croissant.json: license"),
    Damage("the Croissant is no object", "set", garbage("croissant.json", b"1"), "croissant.json cannot be looked at"),
    Damage("an example is no item", "set", told("examples.json", "items", 0, "item_id", "nobody"), "names nobody"),
    Damage("an example's neighbors are others", "set", told("examples.json", "items", 0, "spaces", COLOR, 0, "cosine", 0.123), "are not those that it lists"),
    Damage("the examples are of another set", "set", told("examples.json", "fingerprint", "1" * 64), "is of another set"),
]  # fmt: skip
"""Card, scores, Croissant and examples."""

CATALOGS = [
    Damage("a picture is another", "catalog", parts(column("image", nth(0, other_picture)), hashed=True), "not the one whose sha256"),
    Damage("a picture is gone", "catalog", parts(column("image", nth(0, None)), hashed=True), "its picture is not there"),
    Damage("a picture's status is another", "catalog", parts(column("image_status", nth(0, "timeout")), hashed=True), "its status timeout"),
    Damage("a text is gone", "catalog", parts(column("text", nth(0, None)), hashed=True), "with_text is"),
    Damage("an item's id is there twice", "catalog", parts(column("item_id", nth(0, "i1")), hashed=True), "missing or appear more than once"),
    Damage("a title is another", "catalog", parts(column("title", nth(0, "other"))), "data_sha256 is not that of the parts"),
    Damage("an item is gone", "catalog", parts(lambda t: t.slice(1), hashed=True), "rows is 60"),
    Damage("a column of a catalog is gone", "catalog", parts(lambda t: t.drop_columns("brand"), hashed=True), "column brand is missing"),
    Damage("a part is gone", "catalog", gone(PART), "is missing"),
    Damage("a part is no Parquet", "catalog", garbage(PART), "cannot be read"),
    Damage("a part too many", "catalog", added("items/part-00009.parquet"), "is not in the manifest"),
    Damage("a part is a link", "catalog", linked(PART), "it is a link"),
    Damage("a bit of the interactions is flipped", "catalog", flip("interactions.parquet", 0.3), "interactions.parquet: its sha256 differs"),
    Damage("a pair is gone", "catalog", listed("interactions.parquet", lambda t: t.slice(1)), "interactions.interactions is"),
    Damage("the interactions are gone", "catalog", gone("interactions.parquet"), "interactions.parquet is missing"),
    Damage("the interactions are no Parquet", "catalog", garbage("interactions.parquet"), "interactions.parquet cannot be read"),
    Damage("the catalog's license is another", "catalog", cat_told("source", "license", "MIT"), "changed since it was written"),
    Damage("the catalog's statuses are others", "catalog", told(CATALOG, "image_status", {"ok": 60}, forged=True), "image_status is not what"),
    Damage("the catalog's recipe is another", "catalog", cat_told("text_recipe", "template", "{title}!"), "changed since it was written"),
    Damage("a forged license of a catalog", "catalog", told(CATALOG, "source", "license", "MIT", forged=True), "source is not what its configuration says"),
    Damage("the catalog's manifest is cut", "catalog", cut(CATALOG), "cannot be read as JSON"),
]  # fmt: skip

MODELS = [
    Damage("a bit of the weights is flipped", "model", flip("model/model.safetensors"), "model.safetensors: its sha256 differs"),
    Damage("the weights are cut", "model", cut("model/model.safetensors"), "model.safetensors cannot be read"),
    Damage("a forged weight is NaN", "model", model_forged("model/model.safetensors", tensors("model/model.safetensors", lambda t: {name: value * np.nan for name, value in t.items()})), "holds NaN or infinity"),
    Damage("the weights are gone", "model", gone("model/model.safetensors"), "model.safetensors is missing"),
    Damage("the model's configuration is another", "model", told("model/config.json", "seeds", 9), "config.json: its sha256 differs"),
    Damage("a forged configuration of a model", "model", model_forged("model/config.json", told("model/config.json", "seeds", 9)), "config.json: seeds is not what"),
    Damage("a figure is better", "model", told(MODEL, "test", "recall@20", 0.99), "changed since it was written"),
    Damage("a forged figure", "model", told(MODEL, "test", "recall@20", 0.99, forged=True), "test is not that of its seed"),
    Damage("a forged mean over seeds", "model", told(MODEL, "over_seeds", "test", "recall@20", "mean", 0.99, forged=True), "its seeds make"),
    Damage("a forged epoch", "model", told(MODEL, "best_epoch", 9, forged=True), "best_epoch is not that"),
    Damage("an epoch is gone from the log", "model", text("model/metrics.jsonl", '{"', '{"x": 1, "epoch": 0}\n{"'), "metrics.jsonl"),
    Damage("the log is no JSON", "model", garbage("model/metrics.jsonl", b"x\n"), "metrics.jsonl cannot be read"),
    Damage("an item is gone from a model", "model", listed("items.parquet", lambda t: t.slice(1)), "items.parquet has"),
    Damage("a user is gone from a model", "model", listed("users.parquet", lambda t: t.slice(1)), "users.parquet has"),
    Damage("the items of a model are no Parquet", "model", garbage("items.parquet"), "items.parquet cannot be read"),
    Damage("a file too many beside the weights", "model", added("model/notes.txt"), "is not in the manifest"),
    Damage("the model's license is another", "model", told(MODEL, "license", "MIT"), "changed since it was written"),
    Damage("the model's card is another", "model", text("README.md", "apache-2.0", "mit"), "README.md: line"),
    Damage("the model's manifest is gone", "model", gone(MODEL), "it is no finished result"),
    Damage("a bit of a map is flipped", "aligned", flip("model/align.safetensors"), "align.safetensors: its sha256 differs"),
    Damage("a forged width of a map", "aligned", told(MODEL, "width", 3, forged=True), "numbers a vector, manifest.json says 3"),
    Damage("a forged weight of a space", "aligned", told(MODEL, "weights", [3.0, 1.0], forged=True), "weights are not those of"),
    Damage("a taught item is gone", "aligned", listed("model/supervised.parquet", lambda t: t.slice(1)), "supervised.parquet lists"),
    Damage("a taught item is gone from the aligned set", "aligned", listed("features/supervised.parquet", lambda t: t.slice(1)), "features/supervised.parquet lists"),
    Damage("a taught item is another", "aligned", listed("features/supervised.parquet", column("item_id", nth(0, "other"))), "features/supervised.parquet: its sha256 differs"),
    Damage("the list of taught items is gone", "aligned", gone("features/supervised.parquet"), "features/supervised.parquet"),
    Damage("a bit of an alignment is flipped", "ica", flip("model/model.safetensors"), "model.safetensors: its sha256 differs"),
    Damage("a forged count of words", "ica", model_forged("model/config.json", told("model/config.json", "words", 3)), "damaged"),
    Damage("a forged encoder of an alignment", "ica", told(MODEL, "config", "vision", "dim", 9, forged=True), "image_tokens are not those"),
    Damage("a forged epoch of an alignment", "ica", told(MODEL, "epochs", 7, forged=True), "metrics.jsonl ends with epoch 1"),
    Damage("a forged training", "ica", told(MODEL, "training", lambda before: "not used" if before == "used" else "used", forged=True), "training is"),
    Damage("a forged accuracy", "ica", told(MODEL, "masked_accuracy", 0, "gain", 0.9, forged=True), "lies outside its interval"),
    Damage("a score in a folder of scores is better", "scores", told("scores.json", "scores", 0, "value", 0.99), "changed since it was written"),
    Damage("the own hash of a folder of scores is gone", "scores", told("scores.json", SEAL, GONE), "it has no manifest_sha256"),
    Damage("the scores' configuration is another", "scores", told("scores.json", "config", "seed", 9), "fingerprint is not that"),
]  # fmt: skip

CAUGHT = [*SHARDS, *MANIFEST, *BESIDE, *CATALOGS, *MODELS]


def renamed_items(folder):
    """Call an item otherwise, in the shard and in every hash of it."""
    rows(column("item_id", nth(0, "other")))(folder)
    ids = pq.read_table(folder / SHARD, columns=["item_id"]).column(0).to_pylist()
    forged("shards", 0, "item_ids", ids_sha256(ids))(folder)
    (folder / "examples.json").unlink(missing_ok=True)
    for name in ("README.md", "croissant.json"):
        (folder / name).unlink()


def older(folder):
    """Make a set look like one of the first version, which recorded less."""
    document = json.loads((folder / SET).read_text("utf-8"))
    del document[SEAL]
    document["license"] = "MIT"
    for entry in document["shards"]:
        for name in ("item_ids", "null", "zero"):
            del entry[name]
    (folder / SET).write_text(json.dumps(document), "utf-8")
    for name in ("README.md", "croissant.json"):
        (folder / name).unlink()


UNCAUGHT = [
    Damage("numbers of a vector, with every hash made anew", "set", without_cards(rows(vector(COLOR, lambda v: [v[0] + 1, *v[1:]]))), "--sample"),
    Damage("an item's name, with every hash made anew", "set", renamed_items, "--catalog"),
    Damage("the license, with every hash and the card made anew", "set", without_cards(forged("license", "MIT")), "--key"),
    Damage("the text recipe or the source, with every hash made anew", "set", without_cards(forged("text_recipe", "template", "{title}!")), "--catalog"),
    Damage("what a manifest says once, such as the requests, with every hash made anew", "set", without_cards(forged("requests", ["clip"])), "--key"),
    Damage("a set made to look like an older version's", "set", older, "not recorded"),
    Damage("seconds, dates and hosts", "set", set_told("seconds", "encode", 99.5), "volatile"),
    Damage("a score within its interval, with its hash made anew", "set", without_cards(told("scores.json", "scores", 0, "value", lambda v: v + 1e-6, forged=True)), "score-features"),
    Damage("the picture of the scores", "set", garbage("scores.png", PIXEL), "--key"),
    Damage("card, scores, Croissant or examples taken away", "set", without_cards(lambda folder: None), "--key"),
    Damage("a file beside the data", "set", added("notes.txt"), "--key"),
    Damage("a title or a text of a catalog, with every hash made anew", "catalog", parts(column("title", nth(0, "other")), hashed=True), "--key"),
    Damage("the losses of a training's log", "model", text("model/metrics.jsonl", '"seed": 0', '"seed": 0, "loss": 9.9'), "--key"),
    Damage("a model's weights, with their hash made anew", "model", model_forged("model/model.safetensors", tensors("model/model.safetensors", lambda t: {name: value + 1 for name, value in t.items()})), "train"),
    Damage("what a stage keeps for itself", "ica", added("tokens/shards/notes.txt"), "--key"),
]  # fmt: skip
"""Cannot be seen without encoding, training or a signature; docs/verify.md says why of each."""
