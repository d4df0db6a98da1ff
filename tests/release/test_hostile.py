"""Files that mean harm, or lie about themselves: refused in a sentence, and nothing is written beside the folder."""

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

import featurizer as fz
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.table import TableSource
from featurizer.errors import FeaturizerError, InputError, ShapeMismatch
from featurizer.features.feature_set import FeatureSet
from featurizer.release.exchange.parquet import FORMAT as PARQUET
from tests.release.sets import make_set
from tests.test_config import BOMBS

pytestmark = pytest.mark.timeout(60)


def imported(path, out, format, ids=4):
    listed = out.parent / "ids.txt"
    listed.write_text("\n".join(f"i{row}" for row in range(ids)))
    return fz.import_vectors(path, format=format, ids=listed, modality="image", out=out)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (
            np.zeros((4, 0), np.float32),
            r"vectors of shape \(4, 0\), expected \(4, dim\) with a dim of at least 1",
        ),
        (np.zeros((0, 4), np.float32), "has 0 rows and there are 4 ids"),
        (np.zeros((0, 0), np.float32), "has 0 rows and there are 4 ids"),
        (np.zeros(4, np.float32), r"of shape \(4,\); expected numbers of shape"),
        (np.zeros((), np.float32), r"of shape \(\); expected numbers of shape"),
        (np.zeros((4, 2, 2), np.float32), r"of shape \(4, 2, 2\); expected numbers of shape"),
        (np.array([["x"]] * 4), "expected numbers of shape"),
        (np.full((4, 2), np.inf, np.float32), "4 rows hold NaN or infinity"),
    ],
)
def test_arrays_that_are_no_vectors_are_refused(array, expected, tmp_path):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises((InputError, ShapeMismatch), match=expected):
        imported(tmp_path / "x.npy", tmp_path / "f", "npy")
    with pytest.raises((InputError, ShapeMismatch)):
        fz.from_arrays([f"i{row}" for row in range(4)], {"x": array}, modality="image", out=tmp_path / "g")


@pytest.mark.parametrize("claimed", [(4, 2**40), (2**40, 4), (2**62, 2**62), (-4, 2)])
def test_an_array_file_that_claims_more_than_it_holds_is_refused(claimed, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2), np.float32))
    content = (tmp_path / "x.npy").read_bytes()
    head = content[:128].replace(b"(4, 2), }", f"{claimed}, }}".encode())
    (tmp_path / "x.npy").write_bytes((head[:128].rstrip(b" \n") + b" " * 128)[:127] + b"\n" + content[128:])
    with pytest.raises(InputError, match="cannot be read as a NumPy file of numbers"):
        imported(tmp_path / "x.npy", tmp_path / "f", "npy")


NAMES = ["../../x", "/etc/x", "a/b", "a\\b", ".", "..", ".hidden", "x\x00y", "x\ny", "a" * 5_000]


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_that_is_called_like_a_path_is_refused_until_it_gets_a_name(name, tmp_path):
    save_file({name: np.eye(4, dtype=np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"names a space .* Give it a name with --space") as refused:
        imported(tmp_path / "x.safetensors", tmp_path / "f", "safetensors")
    assert len(str(refused.value)) < 400
    ids = tmp_path / "ids.txt"
    named = fz.import_vectors(
        tmp_path / "x.safetensors", format="safetensors", ids=ids, space="mine", out=tmp_path / "g"
    )
    assert list(named.spaces) == ["mine"]
    assert not (tmp_path / "f").exists()


def test_names_as_they_are_usual_are_taken(tmp_path):
    for number, name in enumerate(["clip_image", "CLIP ViT-B/32".replace("/", "-"), "größe", "a.b+c"]):
        save_file({name: np.eye(4, dtype=np.float32)}, tmp_path / "x.safetensors")
        made = imported(tmp_path / "x.safetensors", tmp_path / str(number), "safetensors")
        assert list(made.spaces) == [name]


def lies(content, count):
    """Yield a Parquet file with one byte of its footer changed: sizes, counts, offsets, types, names."""
    length = int.from_bytes(content[-8:-4], "little")
    draw = random.Random(0)
    for place in draw.sample(range(len(content) - 8 - length, len(content) - 4), count):
        for value in (0xFF, 0x7F, content[place] ^ 1):
            yield content[:place] + bytes([value]) + content[place + 1 :]


def refusal(read):
    """Return what a reader says against a file, None where it takes it; any other error is a fault."""
    try:
        read()
    except FeaturizerError as error:
        return str(error)
    return None


def test_parquet_that_lies_about_itself_is_read_as_it_was_or_refused(tmp_path):
    made = make_set(tmp_path / "f", rows=300)
    (shard,) = made.shards
    whole = shard.read_bytes()
    readers = [
        lambda: [table.num_rows for table in FeatureSet.open(made.folder).tables(["item_id", "x_image"])],
        lambda: len(list(TableSource(shard, ColumnNames(item_id="item_id")))),
        lambda: PARQUET.read(shard, PARQUET.guess(shard)).item_ids,
    ]
    told = []
    for content in lies(whole, 60):
        shard.write_bytes(content)
        told += filter(None, map(refusal, readers))
        assert fz.verify(made.folder).problems  # whatever a reader makes of it
    assert len(told) > 100
    assert all(shard.name in one for one in told)


@pytest.mark.parametrize("claimed", [b"\xfe\xff\xff\xff\x0f", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"])
def test_a_page_that_claims_gigabytes_takes_none(claimed, tmp_path):
    table = pa.table({"item_id": [f"item number {row}" for row in range(300)]})
    pq.write_table(table, tmp_path / "t.parquet", compression="snappy", use_dictionary=False)
    content = (tmp_path / "t.parquet").read_bytes()
    start = (
        content.index(b"PAR1") + 4
    )  # the first page's header: its type, then its size unpacked, as a varint
    size = next(end for end in range(start + 3, start + 12) if content[end] < 0x80) + 1
    (tmp_path / "t.parquet").write_bytes(content[: start + 3] + claimed + content[size:])
    with pytest.raises(InputError, match=r"t\.parquet cannot be read to its end as \.parquet"):
        list(TableSource(tmp_path / "t.parquet", ColumnNames(item_id="item_id")))


@pytest.mark.parametrize("form", BOMBS)
def test_a_card_whose_header_is_a_bomb_is_refused_before_datasets_reads_it(form, tmp_path):
    text, expected = BOMBS[form]
    pq.write_table(pa.table({"id": ["a"], "title": ["x"]}), tmp_path / "train.parquet")
    (tmp_path / "README.md").write_text(f"---\n{text}\n---\n# Harmless\n")
    expected = "holds 1,500,0" if form == "large" else expected
    with pytest.raises(InputError, match=expected) as refused:
        list(HubSource(str(tmp_path), ColumnNames()))
    assert str(refused.value).startswith(str(tmp_path / "README.md"))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_card_in_another_encoding_is_refused(encoding, tmp_path):
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "train.parquet")
    (tmp_path / "README.md").write_bytes("---\npretty_name: Größe\n---\n".encode(encoding))
    with pytest.raises(InputError, match="is not UTF-8"):
        list(HubSource(str(tmp_path), ColumnNames()))


def test_a_card_as_it_should_be_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    folder = tmp_path / "set"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["a"], "title": ["x"]}), folder / "train.parquet")
    (folder / "README.md").write_text("---\npretty_name: Mine\n---\n# Mine\n")
    assert [record.item_id for record in HubSource(str(folder), ColumnNames())] == ["a"]


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_json_that_is_nested_without_end_is_refused_as_a_manifest(depth, tmp_path):
    made = make_set(tmp_path / "f")
    path = made.folder / "feature_set.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest)[:-1] + ', "more": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(InputError, match=r"feature_set\.json"):
        FeatureSet.open(made.folder)
