"""Every format keeps the contract that is shipped for those of others, and those of others are formats like it."""

import json
import logging
import sys

import numpy as np
import pytest

from featurizer.errors import FeaturizerError, InputError, MissingExtra, UnknownName
from featurizer.operations import machine
from featurizer.operations.names import formats as written_names
from featurizer.operations.names import read_formats
from featurizer.registry import Extra
from featurizer.release.exchange.amazon_b import DIM
from featurizer.release.exchange.content import Found
from featurizer.release.exchange.export import export
from featurizer.release.exchange.format import Format, format_named, formats
from featurizer.release.exchange.import_ import import_set
from featurizer.testing import FormatContract
from tests.release.sets import make_set, same_vectors

PLUGIN = """
import json

import numpy as np

from featurizer.errors import InputError
from featurizer.registry import Extra
from featurizer.release.exchange.content import Found
from featurizer.release.exchange.format import Format


def write(content, folder):
    for space in content.spaces:
        rows = zip(content.item_ids, space.rows.tolist(), strict=True)
        (folder / f"{space.name}.json").write_text(json.dumps(dict(rows)))
    return {space.name: f"{space.name}.json" for space in content.spaces}


def read(path, files):
    held = {space: json.loads((path / file).read_text()) for space, file in files.items()}
    ids = list(next(iter(held.values())))
    return Found(ids, {space: np.array(list(rows.values()), np.float32) for space, rows in held.items()})


def guess(path):
    found = {file.stem: file.name for file in sorted(path.glob("*.json")) if file.name != "export.json"}
    if not found:
        raise InputError(f"{path} holds no .json file")
    return found


FORMAT = Format("mapped", read, guess, write)
LACKING = Format("lacking", read, guess, write, extra=Extra(("no_such_module",), "all", "mapped-format"))
"""
ENTRY_POINTS = """[featurizer.formats]
mapped = mapped_format:FORMAT
lacking = mapped_format:LACKING
misnamed = mapped_format:FORMAT
function = mapped_format:write
broken = mapped_format:nothing
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with a format, and what is none."""
    site = tmp_path / "site"
    info = site / "mapped_format-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mapped_format.py").write_text(PLUGIN, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mapped-format\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("mapped_format", None)


class TestNpy(FormatContract):
    name = "npy"

    def make_format(self):
        return format_named(self.name)


class TestSafetensors(TestNpy):
    name = "safetensors"


class TestNpz(TestNpy):
    name = "npz"


class TestParquet(TestNpy):
    name = "parquet"


class TestLance(TestNpy):
    name = "lance"


class TestCornac(TestNpy):
    name = "cornac"


class TestElliot(TestNpy):
    name = "elliot"


class TestMmrec(TestNpy):
    name = "mmrec"


class TestRecbole(TestNpy):
    name = "recbole"


class TestAmazonB(TestNpy):
    name = "amazon-b"

    def make_files(self, folder):
        records = [f"B00000000{n}".encode() + np.full(DIM, n, "<f4").tobytes() for n in range(3)]
        (folder / "b.b").write_bytes(b"".join(records))
        return folder / "b.b"


@pytest.mark.usefixtures("plugin")
class TestPlugin(TestNpy):
    name = "mapped"


def npy_but(**changes):
    real = format_named("npy")
    return Format(**{"name": "npy", "read": real.read, "guess": real.guess, "write": real.write, **changes})


def shifted(path, files):
    found = format_named("npy").read(path, files)
    return Found(found.item_ids, {space: rows + 1 for space, rows in found.vectors.items()})


def stripped(path, files):
    found = format_named("npy").read(path, files)
    return Found([item.strip() for item in found.item_ids], found.vectors)


@pytest.mark.parametrize(
    ("spoiled", "check", "message"),
    [
        (npy_but(name="-x"), "the_name_can_be_typed", "cannot be typed"),
        (
            npy_but(extra=Extra(("nowhere",), "x")),
            "what_it_needs_is_installed_here",
            "nowhere cannot be found",
        ),
        (npy_but(guess=lambda _: {}), "spaces_are_found_in_files_that_nothing_describes", "finds no space"),
        (npy_but(guess=lambda _: {"a": "a.npy"}), "an_empty_folder_is_refused", "holds the spaces a"),
        (npy_but(read=shifted), "what_is_written_comes_back", "not equal"),
        (npy_but(write=lambda *_: {}), "what_is_written_comes_back", "asked for sample_image, sample_text"),
        (npy_but(nulls=True), "what_is_written_comes_back", "not equal"),
        (npy_but(read=stripped), "an_id_comes_back_or_is_refused", "comes back as 'led by a blank'"),
    ],
)
def test_the_contract_finds_a_format_that_breaks_it(spoiled, check, message):
    class Contract(FormatContract):
        def make_format(self):
            return spoiled

    with pytest.raises(AssertionError, match=message):
        getattr(Contract(), f"test_{check}")()


def test_the_formats_are_listed_and_those_that_can_be_written():
    assert list(read_formats()) == [
        "amazon-b", "cornac", "elliot", "lance", "mmrec", "npy", "npz", "parquet",
        "recbole", "safetensors",
    ]  # fmt: skip
    assert set(read_formats()) - set(written_names()) == {"amazon-b"}


@pytest.mark.usefixtures("plugin")
def test_a_plugins_format_is_exported_to_and_imported_from(tmp_path):
    made = make_set(tmp_path / "f")
    done = export(made, tmp_path / "out", format="mapped")
    assert done.files == ["x_image.json", "y_text.json"]
    assert json.loads((tmp_path / "out" / "export.json").read_text())["format"] == "mapped"
    same_vectors(made, import_set(tmp_path / "out", tmp_path / "g", format="mapped"))
    assert "mapped" in written_names()
    with pytest.raises(InputError, match=r"holds no \.json file"):
        import_set(tmp_path / "site", tmp_path / "h", format="mapped")


@pytest.mark.usefixtures("plugin")
def test_broken_plugins_are_left_out_with_a_warning_and_are_an_error_when_asked_for(caplog, tmp_path):
    with caplog.at_level(logging.WARNING):
        names = [one.name for one in formats()]
    assert names[10:] == ["lacking", "mapped"]
    assert len(caplog.messages) == 3
    for name in ("broken", "misnamed", "function"):
        with pytest.raises(FeaturizerError, match=f"'{name}' of "):
            format_named(name)
    with pytest.raises(UnknownName, match="unknown format 'maped': did you mean mapped"):
        format_named("maped")
    with pytest.raises(
        MissingExtra, match=r"format lacking needs is not .*pip install 'mapped-format\[all\]'"
    ):
        export(make_set(tmp_path / "f"), tmp_path / "out", format="lacking")
    assert ("all", "mapped-format") in [(extra.name, extra.package) for extra in machine.extras()]
