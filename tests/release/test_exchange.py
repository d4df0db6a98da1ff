import json

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from featurizer.errors import InputError, StaleOutput, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.lookup import RowReader
from featurizer.features.verify import verify
from featurizer.interactions.read import read_interactions
from featurizer.release.exchange.chosen_rows import ChosenIds
from featurizer.release.exchange.content import NOT_A_NUMBER
from featurizer.release.exchange.export import export
from featurizer.release.exchange.import_ import import_set
from tests.release.sets import make_set, same_vectors

ANY_ID = st.text(min_size=1, max_size=8)
PLAIN = st.characters(categories=["L", "N", "P", "S"], exclude_characters='"')
PLAIN_ID = st.text(PLAIN, min_size=4, max_size=8).filter(lambda text: text not in NOT_A_NUMBER)
IDS = {
    "npy": ANY_ID, "safetensors": ANY_ID, "lance": ANY_ID, "cornac": ANY_ID, "mmrec": PLAIN_ID, "elliot": PLAIN_ID,
    "recbole": PLAIN_ID,
}  # fmt: skip


@st.composite
def sets(draw, ids):
    rows = draw(st.integers(1, 6))
    dtype = draw(st.sampled_from([np.float32, np.float16]))
    numbers = st.floats(-1000, 1000, width=16)
    return (
        draw(st.lists(ids, min_size=rows, max_size=rows, unique=True)),
        draw(arrays(dtype, (rows, 3), elements=numbers)),
        draw(arrays(dtype, (rows, 2), elements=numbers)),
        draw(arrays(bool, rows)),
        np.dtype(dtype).name,
    )


@pytest.mark.parametrize("name", IDS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_what_is_exported_comes_back_bit_for_bit(name, data, tmp_path_factory):
    ids, images, texts, present, dtype = data.draw(sets(IDS[name]))
    folder = tmp_path_factory.mktemp("set")
    made = write_arrays(
        folder / "a",
        ids,
        [ArraySpace("x_image", "image", images, present), ArraySpace("y_text", "text", texts)],
        dtype=dtype,
    )
    export(made, folder / "out", format=name, missing="zero")
    again = import_set(folder / "out", folder / "b", format=name)
    same_vectors(made, again)
    assert verify(again) == []


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_written_block_by_block_is_what_the_libraries_write_at_once(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr("featurizer.release.exchange.content.BLOCK", 7)
    draw = np.random.default_rng(0)
    ids = [f'é"{row}' for row in range(30)]
    vectors = {
        name: draw.normal(size=(30, dim)).astype(dtype) for name, dim in (("y_text", 3), ("x_imagé", 2))
    }
    present = draw.random(30) < 0.7
    spaces = [
        ArraySpace("y_text", "text", vectors["y_text"], present),
        ArraySpace("x_imagé", "image", vectors["x_imagé"]),
    ]
    made = write_arrays(tmp_path / "a", ids, spaces, dtype=dtype, shard_rows=11)
    for name in ("npy", "npz", "safetensors", "cornac", "parquet"):
        export(made, tmp_path / name, format=name)
    vectors["y_text"][~present] = 0
    save_file(vectors, tmp_path / "features.safetensors")
    np.savez(tmp_path / "features.npz", **vectors)
    for name, rows in vectors.items():
        np.save(tmp_path / f"npy-{name}.npy", rows)
        np.save(tmp_path / f"cornac-{name}.npy", rows.astype(np.float32))
        for of in ("npy", "cornac"):
            assert (tmp_path / of / f"{name}.npy").read_bytes() == (
                tmp_path / f"{of}-{name}.npy"
            ).read_bytes()
    for of in ("npz", "safetensors"):
        whole = tmp_path / f"features.{of}"
        assert (tmp_path / of / whole.name).read_bytes() == whole.read_bytes()
    assert (tmp_path / "npy" / "item_ids.json").read_text() == json.dumps(ids, ensure_ascii=False) + "\n"
    table = pq.read_table(tmp_path / "parquet" / "features.parquet")
    assert table.column("item_id").to_pylist() == ids
    assert table.column("y_text").is_valid().to_pylist() == present.tolist()


def test_ids_that_are_read_as_they_are_looked_at_are_a_sequence_like_any(tmp_path, monkeypatch):
    monkeypatch.setattr("featurizer.release.exchange.chosen_rows.SHARD_ROWS", 3)
    made = write_arrays(
        tmp_path,
        [f"i{row}" for row in range(20)],
        [ArraySpace("x_text", "text", np.ones((20, 2)))],
        shard_rows=7,
    )
    ids = ChosenIds(RowReader(made, ["item_id"]), np.array([0, 2, 3, 9, 19]), ["n", "m"])
    whole = ["i0", "i2", "i3", "i9", "i19", "n", "m"]
    assert list(ids) == whole
    assert [ids[place] for place in range(-7, 7)] == [whole[place] for place in range(-7, 7)]
    for some in (slice(2, 6), slice(5, None), slice(None, None, -1), slice(9, 12)):
        assert ids[some] == whole[some]
    with pytest.raises(IndexError):
        ids[7]


def test_a_mean_is_of_all_vectors_whatever_the_shards(tmp_path, monkeypatch):
    monkeypatch.setattr("featurizer.release.exchange.chosen_rows.SHARD_ROWS", 5)
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    present = np.arange(40) % 3 > 0
    made = write_arrays(
        tmp_path / "a", [f"i{row}" for row in range(40)], [ArraySpace("x_text", "text", vectors, present)]
    )
    export(made, tmp_path / "out", format="npy", missing="mean")
    rows = np.load(tmp_path / "out" / "x_text.npy")
    np.testing.assert_array_equal(rows[present], vectors[present])
    mean = vectors[present].mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(rows[~present], np.tile(mean, (14, 1)), rtol=1e-6)


@pytest.fixture
def interactions(tmp_path):
    path = tmp_path / "interactions.csv"
    path.write_text(
        "user_id,item_id,timestamp,rating,split\n"
        "u1,i0,1,5,train\nu1,i3,2,4,valid\nu2,i3,3,1,train\nu2,i5,4,2,test\nu1,new,5,3,train\n"
    )
    return path


def test_mmrec_gets_the_items_of_the_interactions_numbered_without_gaps(tmp_path, interactions):
    made = make_set(tmp_path / "f")
    done = export(made, tmp_path / "baby", format="mmrec", interactions=interactions)
    table = pl.read_csv(tmp_path / "baby" / "baby.inter", separator="\t")
    assert table.columns == ["userID", "itemID", "x_label"]
    assert table.rows() == [(0, 0, 0), (0, 1, 1), (1, 1, 0), (1, 2, 2), (0, 3, 0)]
    mapping = pl.read_csv(tmp_path / "baby" / "i_id_mapping.csv", separator="\t")
    assert mapping.rows() == [("i0", 0), ("i3", 1), ("i5", 2), ("new", 3)]
    feats = np.load(tmp_path / "baby" / "image_feat.npy")
    vectors, _ = made.vectors("x_image")
    assert feats.dtype == np.float32
    np.testing.assert_array_equal(feats, [vectors[0], vectors[3], vectors[5], np.zeros(3)])
    assert (done.left_out, done.added, done.rows) == (3, 1, 4)
    assert done.spaces[0].missing_rows == [3]
    assert done.spaces[0].fill == "zero"


def test_our_own_reader_takes_what_mmrec_gets(tmp_path, interactions):
    export(make_set(tmp_path / "f"), tmp_path / "baby", format="mmrec", interactions=interactions)
    back = read_interactions(tmp_path / "baby/baby.inter", item_map=tmp_path / "baby/i_id_mapping.csv")
    assert back["item_id"].to_list() == ["i0", "i3", "i3", "i5", "new"]
    assert back["split"].to_list() == ["train", "valid", "train", "test", "train"]


def test_missing_rows_are_the_mean_of_the_others_when_asked_and_null_again_after_import(tmp_path):
    made = make_set(tmp_path / "f")
    done = export(made, tmp_path / "out", format="npy", missing="mean")
    vectors, present = made.vectors("x_image")
    written = np.load(tmp_path / "out" / "x_image.npy")
    np.testing.assert_allclose(written[~present], np.tile(vectors[present].mean(0), (2, 1)), rtol=1e-6)
    assert [entry.fill for entry in done.spaces] == ["mean", None]
    assert done.spaces[0].missing_rows == [1, 4]
    same_vectors(made, import_set(tmp_path / "out", tmp_path / "b", format="npy"))


def test_a_missing_vector_is_refused_when_asked(tmp_path):
    with pytest.raises(InputError, match="x_image: 2 of 6 items have no vector"):
        export(make_set(tmp_path / "f"), tmp_path / "out", format="npy", missing="error")


def test_provenance_and_source_come_back_and_say_imported(tmp_path):
    made = make_set(tmp_path / "f")
    export(made, tmp_path / "out", format="npy")
    again = import_set(tmp_path / "out", tmp_path / "b", format="npy")
    assert again.spaces["x_image"].model == "m"
    assert again.spaces["x_image"].imported_from == "npy"
    assert again.manifest.source.license == "CC0-1.0"
    assert again.manifest.source.imported == "npy"
    assert again.manifest.source.exported_fingerprint == made.manifest.fingerprint


def test_a_bare_array_is_a_space_with_row_numbers_for_ids(tmp_path):
    np.save(tmp_path / "spectral_text.npy", np.eye(3, dtype=np.float16))
    made = import_set(tmp_path / "spectral_text.npy", tmp_path / "f", format="npy")
    assert made.item_ids() == ["0", "1", "2"]
    assert made.spaces["spectral_text"].modality == "text"
    assert made.spaces["spectral_text"].dtype == "float16"
    assert made.spaces["spectral_text"].family == "imported"


def test_ids_name_and_license_can_be_given_to_a_bare_array(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, 2], [0, 0], [3, 4]]))
    (tmp_path / "map.csv").write_text("asin\titemID\nb\t1\na\t0\nc\t2\n")
    made = import_set(
        tmp_path / "a.npy",
        tmp_path / "f",
        format="npy",
        space="z",
        ids=tmp_path / "map.csv",
        modality="image",
        null_rows="zero",
        source={"name": "me", "license": "mit"},
    )
    assert made.item_ids() == ["a", "b", "c"]
    assert made.vectors("z")[1].tolist() == [True, False, True]
    assert made.manifest.source.document() == {
        "imported": "npy",
        "file": "a.npy",
        "name": "me",
        "license": "mit",
    }


def test_rows_of_nan_are_nulls_only_when_that_is_said(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, 2], [np.nan, 0]], np.float32))
    with pytest.raises(InputError, match="NaN or infinity"):
        import_set(tmp_path / "a.npy", tmp_path / "f", format="npy")
    made = import_set(tmp_path / "a.npy", tmp_path / "f", format="npy", null_rows="nan")
    assert made.vectors("a")[1].tolist() == [True, False]


def test_a_foreign_mmrec_folder_is_read_by_its_file_names(tmp_path):
    np.save(tmp_path / "image_feat.npy", np.ones((2, 3)))
    made = import_set(tmp_path, tmp_path / "f", format="mmrec")
    assert made.item_ids() == ["0", "1"]
    assert list(made.spaces) == ["mmrec_image"]


@pytest.mark.parametrize("name", ["npy", "safetensors"])
def test_a_space_can_be_renamed_and_keeps_its_nulls(tmp_path, name):
    made = make_set(tmp_path / "f")
    export(made, tmp_path / "out", format=name, spaces=("x_image",))
    again = import_set(tmp_path / "out", tmp_path / "b", format=name, space="z")
    assert again.spaces["z"].null == 2


def test_the_same_export_is_written_once_another_replaces_it_when_asked(tmp_path):
    made, out = make_set(tmp_path / "f"), tmp_path / "out"
    export(made, out, format="npy")
    stamp = (out / "x_image.npy").stat().st_mtime_ns
    export(made, out, format="npy")
    assert (out / "x_image.npy").stat().st_mtime_ns == stamp
    with pytest.raises(StaleOutput, match='format \\("npy" there, "mmrec" asked for\\)'):
        export(made, out, format="mmrec")
    (out / "mine.txt").write_text("keep me")
    export(made, out, format="mmrec", overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == [
        "export.json", "i_id_mapping.csv", "image_feat.npy", "mine.txt", "out.yaml", "text_feat.npy",
    ]  # fmt: skip


def test_two_spaces_for_one_file_and_unknown_names_are_clear_errors(tmp_path):
    vectors = np.ones((1, 2), np.float32)
    two = [ArraySpace("a_image", "image", vectors), ArraySpace("unified", "both", vectors)]
    made = write_arrays(tmp_path / "f", ["i"], two)
    with pytest.raises(InputError, match="a_image and unified would both be image_feat"):
        export(made, tmp_path / "out", format="mmrec")
    with pytest.raises(UnknownName, match="unknown format 'mmrek': did you mean mmrec"):
        export(made, tmp_path / "out", format="mmrek")
    with pytest.raises(UnknownName, match="unknown space"):
        export(made, tmp_path / "out", format="npy", spaces=("b",))


def test_interactions_of_other_items_or_without_splits_are_clear_errors(tmp_path):
    made = make_set(tmp_path / "f")
    other, unsplit = tmp_path / "o.csv", tmp_path / "u.csv"
    other.write_text("user_id,item_id,split\nu,zzz,train\n")
    unsplit.write_text("user_id,item_id\nu,i0\n")
    with pytest.raises(InputError, match="none of the 1 items of the interactions is in"):
        export(made, tmp_path / "a", format="mmrec", interactions=other)
    with pytest.raises(InputError, match="MMRec reads interactions that are split"):
        export(made, tmp_path / "b", format="mmrec", interactions=unsplit)
    with pytest.raises(InputError, match="does not exist; expected a file of interactions"):
        export(made, tmp_path / "c", format="mmrec", interactions=tmp_path / "no.csv")


@pytest.mark.parametrize("bad", ["a\tb", "", "nan", " a"])
def test_an_id_that_a_text_table_would_lose_is_refused(tmp_path, bad):
    made = make_set(tmp_path / "f", 2, ids=["ok", bad])
    with pytest.raises(InputError, match="cannot stand in this format's tab-separated files"):
        export(made, tmp_path / "out", format="mmrec")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda sidecar: sidecar["spaces"][0].update(file="../x.npy"), "lies outside the folder"),
        (lambda sidecar: sidecar.update(rows=7), "its sidecar says 7"),
        (lambda sidecar: sidecar.update(format="mmrec"), "pass --format mmrec"),
        (lambda sidecar: sidecar["spaces"][0].update(dtype="int8"), "spaces.0.dtype"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_a_clear_error(tmp_path, change, match):
    export(make_set(tmp_path / "f"), tmp_path / "out", format="npy")
    path = tmp_path / "out" / "export.json"
    sidecar = json.loads(path.read_text())
    change(sidecar)
    path.write_text(json.dumps(sidecar))
    with pytest.raises(InputError, match=match):
        import_set(tmp_path / "out", tmp_path / "b", format="npy")


def test_files_that_are_no_arrays_are_clear_errors(tmp_path):
    (tmp_path / "a.npy").write_text("no array")
    np.save(tmp_path / "b.npy", np.zeros(3))
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name, match in (("a", "cannot be read"), ("b", r"shape \(3,\)"), ("c", "cannot be read")):
        with pytest.raises(InputError, match=match):
            import_set(tmp_path / f"{name}.npy", tmp_path / "f", format="npy")
    with pytest.raises(InputError, match="does not exist"):
        import_set(tmp_path / "none.npy", tmp_path / "f", format="npy")
    (tmp_path / "empty").mkdir()
    for name in ("npy", "mmrec"):
        with pytest.raises(InputError, match="expected"):
            import_set(tmp_path / "empty", tmp_path / "f", format=name)
