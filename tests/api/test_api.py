"""The Python front door: functions from operations, objects that show themselves."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas
import polars as pl
import pyarrow as pa
import pytest

import featurizer as fz
from featurizer.cli.stubs import FILE, stub
from featurizer.errors import InputError, StaleOutput, UnknownName
from featurizer.operations.registry import COMMANDS, function_of

ITEMS = {"id": ["a", "b", "c"], "title": ["Red cup", "Blue cup", None], "label": [1, 2, 3]}


def test_import_needs_nothing_heavy():
    code = (
        "import sys, featurizer\n"
        "heavy = {'torch', 'numpy', 'polars', 'pyarrow', 'pydantic', 'transformers', 'typer'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_a_function_and_every_name_is_there():
    assert {function_of(command) for command in COMMANDS} <= set(fz.__all__)
    for name in fz.__all__:
        assert getattr(fz, name) is not None
    assert set(dir(fz)) == set(fz.__all__)
    with pytest.raises(AttributeError, match="no attribute 'extrct'"):
        fz.extrct  # noqa: B018


def test_the_stub_says_what_the_operations_say():
    assert FILE.read_text("utf-8") == stub(), "run: make docs"
    assert (Path(fz.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize(
    "table",
    [pl.DataFrame(ITEMS), pandas.DataFrame(ITEMS), pa.table(ITEMS), pandas.DataFrame(ITEMS).set_index("id")],
)
def test_a_table_in_memory_becomes_a_catalog(table, tmp_path):
    made = fz.ingest(table, out=tmp_path / "c", license="CC0-1.0")
    assert made.rows == len(made) == 3
    frame = made.to_polars()
    assert frame["item_id"].to_list() == ["a", "b", "c"]
    assert frame["title"].to_list() == ["Red cup", "Blue cup", None]
    assert frame["label"].to_list() == [1, 2, 3]
    assert "3 items" in repr(made)
    assert "<table" in made._repr_html_()
    again = fz.ingest(table, out=tmp_path / "c", license="CC0-1.0")
    assert again.manifest == made.manifest
    with pytest.raises(StaleOutput, match="differing"):
        fz.ingest(table[:2], out=tmp_path / "c", license="CC0-1.0")


def test_what_is_no_table_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(
        InputError, match="found dict, expected a path, or a table of polars, pandas or pyarrow"
    ):
        fz.ingest(ITEMS, out=tmp_path / "c")


def test_options_are_checked_by_name(tmp_path):
    with pytest.raises(InputError, match="k_core: found -1, expected a whole number of 0 or more"):
        fz.ingest("items.csv", out=tmp_path / "c", k_core=-1)
    with pytest.raises(InputError, match="titel_column: no such option; did you mean title_column"):
        fz.ingest("items.csv", out=tmp_path / "c", titel_column="x")
    with pytest.raises(InputError, match="out is missing"):
        fz.ingest("items.csv")
    with pytest.raises(TypeError, match="takes 1 arguments by their place, 2 were given"):
        fz.ingest("items.csv", "c")
    with pytest.raises(TypeError, match="got path twice"):
        fz.ingest("items.csv", path="b")


@pytest.fixture
def own(tmp_path):
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((5, 3)).astype(np.float32)
    vectors[2] = np.nan
    made = fz.from_arrays("abcde", {"mine": vectors}, modality="image", out=tmp_path / "f", source="mine")
    return made, vectors


def test_arrays_become_a_feature_set_that_reads_back_as_they_were(own):
    made, vectors = own
    space = made["mine"]
    np.testing.assert_array_equal(np.asarray(space.vectors), vectors)
    assert space.vectors.shape == (5, 3)
    assert space.present.tolist() == [True, True, False, True, True]
    assert space.ids == list("abcde")
    assert (space.dim, space.modality, len(space)) == (3, "image", 5)
    assert "mine: 5 items × 3, image" in repr(space)
    assert (made.folder / "README.md").exists()
    assert fz.verify(made).ok
    assert made.to_polars()["mine"].null_count() == 1
    assert space.to_polars().columns[-1] == "mine"
    with pytest.raises(UnknownName, match="did you mean mine"):
        made["mime"]


def test_rows_are_read_by_index_slice_and_mask_as_numpy_would(tmp_path):
    vectors = np.random.default_rng(1).standard_normal((3000, 4)).astype(np.float32)
    made = fz.from_arrays([f"i{n}" for n in range(3000)], {"v": vectors}, modality="text", out=tmp_path / "f")
    rows = made["v"].vectors
    assert len(made.shards) == 2
    for index in (
        0,
        -1,
        2047,
        2048,
        slice(2040, 2060),
        slice(None, None, -700),
        [5, 2999, 5],
        vectors[:, 0] > 2,
    ):
        np.testing.assert_array_equal(rows[index], vectors[index])
    np.testing.assert_array_equal(np.concatenate(list(rows.blocks())), vectors)
    with pytest.raises(IndexError):
        rows[3000]


def test_neighbors_and_joined_matrices_come_from_the_set(own, tmp_path):
    made, vectors = own
    near = made["mine"].neighbors("a", k=2)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units[0]
    best = sorted("bde", key=lambda item: -cosines["abcde".index(item)])[:2]
    assert [one.item_id for one in near] == best
    assert made["mine"].neighbors("c") == []
    two = fz.from_arrays(
        "ab", {"x": np.eye(2), "y": 2 * np.eye(2)}, modality={"x": "image", "y": "text"}, out=tmp_path / "g"
    )
    centered = np.array([[1, -1], [-1, 1]]) / np.sqrt(2)
    np.testing.assert_allclose(two.matrix("x+y"), np.concatenate([centered] * 2, axis=1), atol=1e-6)
    assert np.isnan(made.matrix("mine")[2]).all()


def test_wrong_arrays_are_refused(tmp_path):
    with pytest.raises(fz.FeaturizerError, match="vectors of shape"):
        fz.from_arrays("ab", {"x": np.eye(3)}, modality="image", out=tmp_path / "f")
    half = np.array([[1.0, np.nan], [1.0, 2.0]])
    with pytest.raises(InputError, match="1 rows hold NaN or infinity"):
        fz.from_arrays("ab", {"x": half}, modality="image", out=tmp_path / "f")


def test_what_a_function_returned_is_taken_where_a_path_is(own, tmp_path):
    made, _ = own
    out = fz.export(made, format="npy", out=tmp_path / "out")
    back = fz.import_vectors(out, format="npy", out=tmp_path / "back")
    found = fz.diff(made, back)
    assert found.spaces["mine"].unequal == 0
    assert (
        fz.inspect(back, neighbors="a", k=1).neighbors["mine"][0].item_id
        == made["mine"].neighbors("a")[0].item_id
    )


def test_lists_of_what_there_is_are_mappings_by_name():
    assert fz.list_datasets()["sample"].title
    assert list(fz.list_datasets("sample")) == ["sample"]
    assert fz.list_encoders()["minilm"].preset.dims == {"text": 384}


def test_the_help_of_a_function_lists_its_options():
    assert "batch_size: Items a model sees at once." in fz.extract.__doc__
    import inspect

    signature = inspect.signature(fz.extract)
    assert next(iter(signature.parameters)) == "catalog"
    assert signature.parameters["batch_size"].default == 32


@pytest.mark.parametrize(
    "table",
    [
        pandas.DataFrame({"id": ["a", "b", "c"], "mixed": [1, "a", None]}),
        pandas.DataFrame([[1, 2], [3, 4]], columns=["id", "id"]),
        pandas.DataFrame({"id": ["a"], "odd": [object()]}),
        pandas.Series(["a", "b"], name="id"),
    ],
    ids=["mixed", "twice", "objects", "series"],
)
def test_a_table_that_cannot_be_read_is_one_sentence(table, tmp_path):
    with pytest.raises(InputError, match=r"the table cannot be read: |found Series, expected a path"):
        fz.ingest(table, out=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_the_index_that_filtering_leaves_is_no_column(tmp_path):
    frame = pandas.DataFrame(ITEMS).iloc[1:]
    assert fz.ingest(frame, out=tmp_path / "c").to_polars().columns.count("__index_level_0__") == 0


def test_picture_paths_of_a_table_in_memory_start_where_the_program_runs(tmp_path, monkeypatch):
    from PIL import Image

    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    made = fz.ingest(
        pl.DataFrame({"id": ["a", "b"], "image": ["a.png", "gone.png"]}), out="c", max_failures=1
    )
    assert made.manifest.image_status == {"missing_file": 1, "ok": 1}


def test_a_table_where_a_path_is_expected_is_told_by_its_type(own):
    with pytest.raises(InputError, match="interactions: found a DataFrame, expected a path"):
        fz.score_features(own[0], interactions=pandas.DataFrame(ITEMS), out="s")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"vectors": np.eye(2)}, "found a ndarray, expected the arrays by the name of their space"),
        ({"modality": "audio"}, "the modality of x: found 'audio', expected image, text or both"),
        ({"vectors": {"a+b": np.eye(2)}}, "a space cannot be called 'a\\+b'"),
        ({"ids": ["a", None]}, "the id of row 1 is missing"),
    ],
)
def test_arrays_that_say_too_little_are_refused(given, told, tmp_path):
    whole = {"ids": ["a", "b"], "vectors": {"x": np.eye(2)}, "modality": "image", "out": tmp_path / "f"}
    with pytest.raises(InputError, match=told):
        fz.from_arrays(**{**whole, **given})


def test_ids_of_arrays_are_written_as_ingest_writes_them(tmp_path):
    made = fz.from_arrays([1.0, 2.0], {"x": np.eye(2)}, modality="image", out=tmp_path / "f")
    assert made["x"].ids == ["1", "2"]


def test_a_folder_opens_as_what_it_is(own, tmp_path):
    made = fz.ingest(pl.DataFrame(ITEMS), out=tmp_path / "c")
    assert fz.open_folder(str(made.folder)).rows == 3
    assert fz.open_folder(own[0].folder).spaces.keys() == {"mine"}
    assert fz.FeatureSet.open(str(own[0].folder)).rows == 5
    with pytest.raises(InputError, match="holds no catalog, feature set, scores, model or alignment"):
        fz.open_folder(tmp_path)


def test_a_failed_run_leaves_no_claim_on_the_folder(tmp_path):
    with pytest.raises(InputError, match="repeats an id"):
        fz.ingest(pl.DataFrame({"id": ["a", "a"]}), out=tmp_path / "c")
    assert fz.ingest(pl.DataFrame({"id": ["a", "b"]}), out=tmp_path / "c").rows == 2


def test_a_file_of_an_export_keeps_what_its_sidecar_knows(own, tmp_path):
    fz.export(own[0], format="npz", out=tmp_path / "e")
    back = fz.import_vectors(tmp_path / "e" / "features.npz", format="npz", out=tmp_path / "g")
    assert back["mine"].present.tolist() == own[0]["mine"].present.tolist()
    assert back["mine"].ids == own[0]["mine"].ids


def test_one_value_stands_for_a_list_of_one(tmp_path):
    fz.ingest(pl.DataFrame(ITEMS), out=tmp_path / "c")
    with pytest.raises(UnknownName, match="did you mean minilm"):
        fz.extract(tmp_path / "c", encoders="minilmm", out=tmp_path / "f")


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("http://ann:secret@127.0.0.1:9/a.jpg", "http://127.0.0.1:9/a.jpg"),
        ("http://ann:sec@ret@127.0.0.1:9/a.jpg?u=b@c", "http://127.0.0.1:9/a.jpg?u=b@c"),
        ("http://127.0.0.1:9/a@b.jpg", "http://127.0.0.1:9/a@b.jpg"),
    ],
)
def test_an_address_loses_its_login_before_it_is_stored(address, stored, tmp_path, monkeypatch):
    monkeypatch.setenv("FEATURIZER_RETRY_WAIT", "0.01")
    made = fz.ingest(pl.DataFrame({"id": ["a"], "title": ["A cup"], "image": [address]}), out=tmp_path / "c")
    assert made.column("image_url").to_pylist() == [stored]
    for path in (tmp_path / "c").rglob("*"):
        assert not path.is_file() or b"ann:sec" not in path.read_bytes(), path


def test_interactions_may_be_a_table_too(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    pairs = {"user_id": ["u", "u", "v"], "item_id": ["a", "b", "a"], "timestamp": [1, 2, 3]}
    made = [
        fz.ingest(pl.DataFrame(ITEMS), interactions=table, split="leave-one-out", out=tmp_path / str(number))
        for number, table in enumerate((pl.DataFrame(pairs), pandas.DataFrame(pairs), pa.table(pairs)))
    ]
    found = [pl.read_parquet(one.folder / "interactions.parquet") for one in made]
    assert all(one.equals(found[0]) for one in found)
    assert found[0].height == 3
    assert not list((tmp_path / "temporary").iterdir())


def test_a_catalog_is_not_lost_to_a_table_that_cannot_replace_it(tmp_path):
    made = fz.ingest(pl.DataFrame(ITEMS), out=tmp_path / "c")
    before = made.to_polars()
    for broken in (
        {**ITEMS, "id": ["a", "b", "a"]},
        {**ITEMS, "id": ["a", "", "b"]},
        {"id": [], "title": []},
    ):
        with pytest.raises(InputError):
            fz.ingest(pl.DataFrame(broken), out=tmp_path / "c", overwrite=True)
        assert fz.open_folder(tmp_path / "c").to_polars().equals(before)
    assert (
        fz.ingest(pl.DataFrame({"id": ["z"], "title": ["New"]}), out=tmp_path / "c", overwrite=True).rows == 1
    )


def test_vectors_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(InputError, match="the vectors are no numbers"):
        fz.from_arrays(["a"], {"mine": np.array([["x"]])}, modality="text", out=tmp_path / "f")


def test_a_report_replaces_a_report_and_nothing_else(tmp_path):
    made = fz.from_arrays(list("abc"), {"mine": np.eye(3)}, modality="text", out=tmp_path / "f")
    table = tmp_path / "mine.csv"
    table.write_text("precious")
    with pytest.raises(StaleOutput, match="is there already and is no report"):
        fz.make_report([made], out=table, tsne=False)
    assert table.read_text() == "precious"
    for _ in range(2):
        fz.make_report([made], out=tmp_path / "report.html", tsne=False)
    assert "LeaderboardTable" not in (tmp_path / "report.html").read_text("utf-8")
