"""What is special to a format: its layout, its own reader, what it refuses."""

import gzip
import json

import numpy as np
import polars as pl
import pytest
import yaml

from featurizer.errors import InputError, MissingExtra
from featurizer.release.exchange.amazon_b import DIM
from featurizer.release.exchange.export import export
from featurizer.release.exchange.import_ import import_set
from tests.release.sets import make_set, same_vectors


@pytest.fixture
def made(tmp_path):
    return make_set(tmp_path / "f")


@pytest.fixture
def interactions(tmp_path):
    path = tmp_path / "interactions.csv"
    rows = ["u1,i0,1,5,train", "u1,i3,2,4,valid", "u2,i3,3,1,train", "u2,i5,4,2,test", "u3,new,5,3,train"]
    path.write_text("\n".join(["user_id,item_id,timestamp,rating,split", *rows, ""]))
    return path


def test_cornac_reads_what_is_exported_for_it_and_finds_each_items_vector(tmp_path, made, interactions):
    import cornac

    export(made, tmp_path / "out", format="cornac", interactions=interactions)
    out = tmp_path / "out"
    reader = cornac.data.Reader()
    train, test = (reader.read(str(out / f"{name}.tsv"), fmt="UIRT") for name in ("train", "test"))
    assert train == [("u1", "i0", 5.0, 1), ("u2", "i3", 1.0, 3), ("u3", "new", 3.0, 5)]
    images = cornac.data.ImageModality(
        features=np.load(out / "x_image.npy"), ids=json.loads((out / "item_ids.json").read_text())
    )
    method = cornac.eval_methods.BaseMethod.from_splits(
        train, test, fmt="UIRT", item_image=images, rating_threshold=0
    )
    numbers = method.train_set.iid_map
    vectors, present = made.vectors("x_image")
    for item, row in {"i0": 0, "i3": 3, "i5": 5}.items():
        if item in numbers:
            np.testing.assert_array_equal(images.batch_feature([numbers[item]])[0], vectors[row])
    np.testing.assert_array_equal(images.batch_feature([numbers["new"]])[0], np.zeros(3))
    assert present[[0, 3, 5]].all()


def test_elliot_gets_one_array_an_item_and_a_config_that_names_its_files(tmp_path, made, interactions):
    export(made, tmp_path / "out", format="elliot", interactions=interactions)
    out = tmp_path / "out"
    data = yaml.safe_load((out / "config.yml").read_text())["experiment"]["data_config"]
    assert data["strategy"] == "fixed"
    assert [side["dataloader"] for side in data["side_information"]] == [
        "TextualAttribute",
        "VisualAttribute",
    ]
    for side in data["side_information"]:
        folder = next(value for key, value in side.items() if key != "dataloader")
        assert sorted(int(path.stem) for path in (out / folder).iterdir()) == list(range(7))
    np.testing.assert_array_equal(np.load(out / "visual_features" / "3.npy"), made.vectors("x_image")[0][3])
    table = pl.read_csv(out / data["train_path"], separator="\t", has_header=False)
    assert table.rows() == [(0, 0, 5.0, 1), (1, 3, 1.0, 3), (2, 6, 3.0, 5)]


def test_recbole_gets_atomic_files_and_settings_that_name_them(tmp_path, made, interactions):
    export(made, tmp_path / "shop", format="recbole", interactions=interactions)
    out = tmp_path / "shop"
    settings = yaml.safe_load((out / "shop.yaml").read_text())
    assert settings["benchmark_filename"] == ["train", "valid", "test"]
    assert settings["preload_weight"] == {"x_image_id": "x_image", "y_text_id": "y_text"}
    assert (out / "shop.test.inter").read_text().splitlines() == [
        "user_id:token\titem_id:token\trating:float\ttimestamp:float", "u2\ti5\t2.0\t4.0",
    ]  # fmt: skip
    head, first, *_ = (out / "shop.x_image").read_text().splitlines()
    assert head == "x_image_id:token\tx_image:float_seq"
    item, numbers = first.split("\t")
    assert item == "i0"
    np.testing.assert_array_equal(np.float32(numbers.split()), made.vectors("x_image")[0][0])


def test_lance_keeps_nulls_and_says_so(tmp_path, made):
    import lance

    done = export(made, tmp_path / "out", format="lance")
    assert [entry.fill for entry in done.spaces] == ["null", None]
    table = lance.dataset(str(tmp_path / "out" / "features.lance")).to_table()
    assert table.column("x_image").is_null().to_pylist() == (~made.vectors("x_image")[1]).tolist()
    foreign = import_set(tmp_path / "out" / "features.lance", tmp_path / "g", format="lance")
    same_vectors(made, foreign)


def test_without_pylance_the_pip_line_is_told(tmp_path, made, monkeypatch):
    monkeypatch.setattr("featurizer.registry.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"format lance needs is not .*pip install 'featurizer\[lance\]'"):
        export(made, tmp_path / "out", format="lance")
    with pytest.raises(MissingExtra, match=r"pip install 'featurizer\[lance\]'"):
        import_set(tmp_path, tmp_path / "g", format="lance")


def test_files_of_others_are_read_without_a_sidecar(tmp_path, made):
    for name in ("safetensors", "recbole", "elliot", "cornac", "mmrec"):
        export(made, tmp_path / name, format=name)
        (tmp_path / name / "export.json").unlink()
        again = import_set(tmp_path / name, tmp_path / f"{name}-back", format=name)
        assert again.item_ids() == made.item_ids(), name
        first, second = again.spaces
        assert (again.spaces[first].modality, again.spaces[second].modality) == ("image", "text"), name
        np.testing.assert_array_equal(again.vectors(first)[0], made.vectors("x_image")[0])


def record(asin, number):
    return asin.encode() + np.full(DIM, number, "<f4").tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_amazons_image_features_are_streamed_record_by_record(tmp_path, pack):
    path = tmp_path / ("b.b" if pack is bytes else "b.b.gz")
    path.write_bytes(pack(record("B000000001", 1) + record("B000000002", 2) + record("B000000001", 3)))
    made = import_set(path, tmp_path / "f", format="amazon-b")
    assert made.item_ids() == ["B000000001", "B000000002"]
    assert made.vectors("amazon_image")[0][:, 0].tolist() == [1, 2]
    assert made.spaces["amazon_image"].modality == "image"


def test_of_amazons_image_features_the_items_asked_for_are_taken_in_their_order(tmp_path):
    path, ids = tmp_path / "b.b", tmp_path / "i_id_mapping.csv"
    path.write_bytes(record("B000000001", 1) + record("B000000002", 2) + record("B000000003", 3))
    ids.write_text("asin\titemID\nB000000003\t0\nB000000009\t1\nB000000001\t2\n")
    made = import_set(path, tmp_path / "f", format="amazon-b", space="cnn_image", ids=ids)
    vectors, present = made.vectors("cnn_image")
    assert present.tolist() == [True, False, True]
    assert vectors[:, 0].tolist() == [3, 0, 1]
    ids.write_text("asin\titemID\nB000000009\t0\n")
    with pytest.raises(InputError, match="has none of the 1 items of --ids"):
        import_set(path, tmp_path / "g", format="amazon-b", ids=ids)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (record("B000000001", 1)[:-7], "ends 7 bytes short of record 1"),
        (b"\x00" * len(record("B000000001", 1)), "expected an ASIN"),
        (b"", "is empty"),
    ],
)
def test_a_broken_file_of_amazons_is_a_clear_error(tmp_path, content, match):
    (tmp_path / "b.b").write_bytes(content)
    with pytest.raises(InputError, match=match):
        import_set(tmp_path / "b.b", tmp_path / "f", format="amazon-b")


def test_amazons_format_is_only_read(tmp_path, made):
    with pytest.raises(InputError, match="only imported"):
        export(made, tmp_path / "out", format="amazon-b")


def test_damaged_files_of_every_format_are_clear_errors(tmp_path, made):
    (tmp_path / "empty").mkdir()
    for name in ("elliot", "recbole", "safetensors", "lance"):
        with pytest.raises(InputError, match="empty"):
            import_set(tmp_path / "empty", tmp_path / "g", format=name)
    damage = {
        "safetensors": ("features.safetensors", b"x"),
        "recbole": ("recbole.x_image", b"a:token\tb:float_seq\nx\t1 2\ny\t1\n"),
        "elliot": ("visual_features/0.npy", b"x"),
    }
    for name, (file, content) in damage.items():
        export(made, tmp_path / name, format=name)
        (tmp_path / name / file).write_bytes(content)
        with pytest.raises(InputError, match=r"cannot be read|lists of 2 lengths"):
            import_set(tmp_path / name, tmp_path / "g", format=name)
