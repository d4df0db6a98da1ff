import json

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from featurizer.errors import InputError, ShapeMismatch, StaleOutput, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import summarize
from featurizer.features.verify import verify
from featurizer.results.files import file_sha256


def make(out, rows=5, dim=3, **options):
    vectors = np.arange(rows * dim, dtype=np.float32).reshape(rows, dim)
    present = np.arange(rows) % 2 == 0
    spaces = [ArraySpace("a_image", "image", vectors, present), ArraySpace("b_text", "text", vectors[:, :2])]
    return (
        write_arrays(out, [f"i{row}" for row in range(rows)], spaces, **options),
        vectors,
        present,
    )


@settings(max_examples=25, deadline=None)
@given(
    vectors=arrays(np.float32, (7, 4), elements=st.floats(-1e6, 1e6, width=32)),
    present=arrays(bool, 7),
    shard_rows=st.integers(1, 9),
)
def test_vectors_survive_a_round_trip_through_shards_of_any_size(
    tmp_path_factory, vectors, present, shard_rows
):
    out = tmp_path_factory.mktemp("features") / "set"
    space = ArraySpace("x_text", "text", vectors, present)
    write_arrays(out, list("abcdefg"), [space], shard_rows=shard_rows)
    read, has = FeatureSet.open(out).vectors("x_text")
    np.testing.assert_array_equal(has, present)
    np.testing.assert_array_equal(read[present], vectors[present])
    assert FeatureSet.open(out).item_ids() == list("abcdefg")
    assert verify(FeatureSet.open(out)) == []


def test_a_shard_is_no_larger_than_its_vectors(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((2000, 96), np.float32)
    ids = [f"i{row}" for row in range(len(vectors))]
    features = write_arrays(tmp_path / "set", ids, [ArraySpace("x_text", "text", vectors)])
    # in float32 the sign and the exponent of random numbers can be compressed, their fractions cannot
    assert features.manifest.shards[0].bytes < vectors.nbytes


def test_vectors_are_fixed_size_lists_and_a_missing_one_is_null(tmp_path):
    features, vectors, present = make(tmp_path / "set")
    table = pq.read_table(features.shards[0])
    assert table.schema.field("a_image").type == pa.list_(pa.float32(), 3)
    assert table.column("a_image").is_valid().to_pylist() == present.tolist()
    assert table.column("has_image").to_pylist() == present.tolist()
    frame = pl.read_parquet(features.folder / "data" / "*.parquet")
    assert frame.schema["a_image"] == pl.Array(pl.Float32, 3)
    np.testing.assert_array_equal(frame.drop_nulls("a_image")["a_image"].to_numpy(), vectors[present])


def test_datasets_loads_the_folder_with_lists_of_fixed_length(tmp_path):
    import datasets

    features, vectors, _ = make(tmp_path / "set", shard_rows=2)
    loaded = datasets.load_dataset(str(features.folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 5
    assert loaded.features["a_image"] == datasets.List(datasets.Value("float32"), length=3)
    assert loaded[2]["a_image"] == vectors[2].tolist()
    assert loaded[1]["a_image"] is None


def test_shards_are_named_as_the_hub_names_them(tmp_path):
    features, *_ = make(tmp_path / "set", shard_rows=2)
    assert [path.name for path in features.shards] == [f"train-0000{i}-of-00003.parquet" for i in range(3)]


def test_the_same_vectors_are_written_once_and_other_vectors_are_stale(tmp_path):
    first, *_ = make(tmp_path / "set")
    stamp = first.shards[0].stat().st_mtime_ns
    again, *_ = make(tmp_path / "set")
    assert again.shards[0].stat().st_mtime_ns == stamp
    with pytest.raises(StaleOutput, match="differing"):
        make(tmp_path / "set", rows=6)


def test_repeated_ids_and_wrong_shapes_are_clear_errors(tmp_path):
    space = ArraySpace("x", "text", np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="1 of them different"):
        write_arrays(tmp_path / "a", ["i", "i"], [space])
    with pytest.raises(ShapeMismatch, match=r"expected \(3, dim\)"):
        write_arrays(tmp_path / "a", ["i", "j", "k"], [space])


def test_an_unknown_space_lists_those_there_are(tmp_path):
    features, *_ = make(tmp_path / "set")
    with pytest.raises(UnknownName, match=r"a_image, b_text"):
        features.vectors("a_imag")


def test_a_folder_that_is_no_feature_set_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"holds no feature_set\.json"):
        FeatureSet.open(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        FeatureSet.open(tmp_path / "nothing")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_verify_finds_each_kind_of_damage(tmp_path, dtype):
    features, *_ = make(tmp_path / "set", shard_rows=2, dtype=dtype)
    assert verify(features) == []
    first, second, third = features.shards
    table = pq.read_table(first)
    pq.write_table(table.slice(0, 1), first)
    second.write_bytes(b"damaged")
    third.unlink()
    (features.folder / "data" / "stray.parquet").touch()
    found = "\n".join(verify(features))
    for problem in (
        "sha256 differs",
        "holds 1 rows",
        "cannot be read",
        "is missing",
        "not in the manifest",
        "the shards hold",
    ):
        assert problem in found


def rewrite(features, change):
    """Change the first shard's rows behind the manifest's back, and make its hash fit."""
    path = features.shards[0]
    table = change(pq.read_table(path))
    pq.write_table(table, path)
    manifest = json.loads((features.folder / "feature_set.json").read_text())
    manifest["shards"][0] |= {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    (features.folder / "feature_set.json").write_text(json.dumps(manifest))
    return FeatureSet.open(features.folder)


def column(table, name, values):
    return table.set_column(table.column_names.index(name), name, values)


def test_verify_finds_a_vector_that_is_not_finite_and_inspect_counts_it_and_zeros(tmp_path):
    features, *_ = make(tmp_path / "set")
    rows = pa.array(
        [[1.0, float("nan")], [0.0, 0.0], [0.0, 0.0], [1.0, 2.0], None], pa.list_(pa.float32(), 2)
    )
    features = rewrite(features, lambda table: column(table, "b_text", rows))
    shard = "data/train-00000-of-00001.parquet: b_text"
    assert [problem for problem in verify(features) if problem.startswith(shard)] == [
        f"{shard}: 1 vectors are null, the manifest says 0",
        f"{shard}: 2 vectors are all zeros, the manifest says 0",
        f"{shard}: 1 rows hold NaN or infinity",
    ]
    summary = summarize(features)["b_text"]
    assert (summary.nonfinite, summary.zero, summary.null, summary.duplicate) == (1, 2, 1, 1)


def test_verify_finds_repeated_ids_and_another_type(tmp_path):
    features, *_ = make(tmp_path / "set")
    doubled = rewrite(
        features, lambda table: column(table, "item_id", pa.array(["i0", "i0", "i2", "i3", "i4"]))
    )
    assert any("1 item ids appear more than once" in problem for problem in verify(doubled))
    lists = pa.array([[1.0, 2.0]] * 5, pa.list_(pa.float32()))
    other = rewrite(doubled, lambda table: column(table, "b_text", lists).drop_columns("has_text"))
    found = "\n".join(verify(other))
    assert "column has_text is missing" in found
    assert "column b_text is list<" in found


def test_verify_finds_a_vector_where_the_flag_says_there_is_none(tmp_path):
    features, *_ = make(tmp_path / "set")
    changed = rewrite(
        features, lambda table: column(table, "has_text", pa.array([False, True, True, True, True]))
    )
    assert any("1 rows have a vector though has_text is false" in problem for problem in verify(changed))


def test_values_that_the_type_cannot_hold_and_names_of_columns_are_clear_errors(tmp_path):
    big = ArraySpace("x_text", "text", np.full((1, 2), 1e6, np.float32))
    with pytest.raises(InputError, match="1 rows hold NaN or infinity as float16"):
        write_arrays(tmp_path / "a", ["i"], [big], dtype="float16")
    with pytest.raises(InputError, match="cannot be called error"):
        write_arrays(tmp_path / "a", ["i"], [ArraySpace("error", "text", np.ones((1, 2)))])


def test_the_same_vectors_of_another_origin_are_stale(tmp_path):
    make(tmp_path / "set")
    vectors = np.arange(15, dtype=np.float32).reshape(5, 3)
    spaces = [
        ArraySpace("a_image", "text", vectors, np.arange(5) % 2 == 0),
        ArraySpace("b_text", "text", vectors[:, :2]),
    ]
    with pytest.raises(StaleOutput, match=r"spaces\.a_image\.modality"):
        write_arrays(tmp_path / "set", [f"i{row}" for row in range(5)], spaces)


def test_a_shard_outside_the_folder_is_refused(tmp_path):
    features, *_ = make(tmp_path / "set")
    manifest = json.loads((features.folder / "feature_set.json").read_text())
    manifest["shards"][0]["path"] = "../secret.parquet"
    (features.folder / "feature_set.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"lists the shard '\.\./secret"):
        FeatureSet.open(features.folder).item_ids()
