"""Other libraries and other plug-ins make a set stale, since they can change a vector."""

import sys

import pytest

from featurizer.encoders.naming import family_of
from featurizer.encoders.resolve import load_encoders, load_token_encoder
from featurizer.errors import StaleOutput
from featurizer.features.extract import ExtractOptions, extract
from featurizer.ica.encoder import _read_now
from featurizer.ica.token_store import TokenEncoders, cache_tokens, spec_json
from featurizer.operations.extract import Extract
from featurizer.operations.pretrain_ica import PretrainIca
from featurizer.records import ItemRecord
from featurizer.release.card import render_card
from featurizer.release.diff import difference
from tests.support.color import encoders
from tests.support.items import make_catalog
from tests.support.small_tokens import Patches, Words

FAMILY = """
from featurizer.encoders.family import EncoderFamily
from tests.support.small_encoders import load, load_tokens

FAMILY = EncoderFamily("versioned", load, load_tokens, libraries=("numpy", "typer", "never-installed"))
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", [ItemRecord("a", title="cup")])


@pytest.fixture
def release(tmp_path, monkeypatch):
    """Return the function that installs a version of a package with the family `versioned`."""
    site = tmp_path / "site"
    info = site / "versioned_encoders.dist-info"
    info.mkdir(parents=True)
    (site / "versioned_family.py").write_text(FAMILY, "utf-8")
    (info / "entry_points.txt").write_text("[featurizer.encoders]\nversioned = versioned_family:FAMILY\n")
    monkeypatch.syspath_prepend(site)

    def install_version(version):
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: versioned-encoders\nVersion: {version}\n"
        )

    yield install_version
    sys.modules.pop("versioned_family", None)


def run(catalog, out):
    return extract(catalog, load_encoders(["versioned"], device="cpu"), out, ExtractOptions())


def test_another_version_of_a_plugin_makes_a_set_stale(catalog, tmp_path, release):
    release("1.0")
    made = run(catalog, tmp_path / "f")
    assert made.spaces["small_text"].plugin == {"distribution": "versioned-encoders", "version": "1.0"}
    assert made.manifest.libraries["versioned-encoders"] == "1.0"
    assert "loaded by versioned-encoders 1.0" in render_card(made)
    run(catalog, tmp_path / "f")
    release("1.1")
    with pytest.raises(StaleOutput, match=r'small_text\.plugin\.version \("1\.0" there, "1\.1" asked for\)'):
        run(catalog, tmp_path / "f")
    again = run(catalog, tmp_path / "g")
    changes = {change.key for change in difference(made, again).provenance}
    assert {"small_image.plugin.version", "small_text.plugin.version"} <= changes


def test_the_libraries_that_a_plugin_names_are_recorded_where_it_is_used(catalog, tmp_path, release):
    release("1.0")
    libraries = run(catalog, tmp_path / "f").manifest.libraries
    assert {"numpy", "typer"} <= libraries.keys()
    assert "never-installed" not in libraries
    own = extract(catalog, load_encoders(["minilm"], device="cpu"), tmp_path / "g", ExtractOptions())
    assert own.manifest.libraries.keys() == libraries.keys() - {"typer", "versioned-encoders"}
    assert "plugin" not in own.spaces["minilm_text"]


def test_other_tokens_of_a_plugin_are_stale_too(catalog, tmp_path, release):
    def cached(out):
        sides = (load_token_encoder("versioned", side, device="cpu") for side in ("image", "text"))
        return cache_tokens(catalog, TokenEncoders(*sides), out)

    release("1.0")
    cached(tmp_path / "t")
    cached(tmp_path / "t")
    release("1.1")
    with pytest.raises(StaleOutput, match=r"image\.pooled\.plugin\.version"):
        cached(tmp_path / "t")


def test_a_trained_alignment_is_read_through_the_plugin_that_is_installed_now(release):
    release("1.0")
    trained = spec_json(load_token_encoder("versioned", "text", device="cpu").spec)
    release("1.1")
    now = _read_now(trained, load_token_encoder("versioned", "text", device="cpu").spec)
    assert now["pooled"]["plugin"]["version"] == "1.1"
    own = spec_json(Words().spec)
    assert _read_now(own, Words().spec) == own
    assert "plugin" not in _read_now(trained, Words().spec)["pooled"]


def test_a_recipes_step_depends_on_the_version_of_its_plugins(tmp_path, release):
    release("1.0")
    step = Extract(catalog=tmp_path, encoders=("mine=versioned:x", "minilm"), out=tmp_path / "f")
    assert step.depends()["libraries"]["versioned-encoders"] == "1.0"
    trained = PretrainIca(catalog=tmp_path, vision="versioned", text="minilm", out=tmp_path / "i")
    release("1.1")
    assert trained.depends()["libraries"]["versioned-encoders"] == "1.1"
    plain = Extract(catalog=tmp_path, encoders=("minilm",), out=tmp_path / "f")
    assert "versioned-encoders" not in plain.depends()["libraries"]


@pytest.mark.parametrize(
    ("text", "family"),
    [("clip", "open_clip"), ("a=minilm", "sentence-transformers"), ("timm:x@y", "timm"), ("gone:x", "gone")],
)
def test_the_family_behind_a_text_is_known_without_loading(text, family):
    assert family_of(text) == family


def test_another_version_of_a_library_makes_a_set_stale(catalog, tmp_path, monkeypatch):
    extract(catalog, encoders(), tmp_path / "f", ExtractOptions())
    monkeypatch.setattr("featurizer.encoders.libraries.version", lambda name: "0.0.1")
    with pytest.raises(StaleOutput, match=r"libraries\.torch \(.* there, \"0\.0\.1\" asked for\)"):
        extract(catalog, encoders(), tmp_path / "f", ExtractOptions())


def test_another_version_of_a_library_makes_cached_tokens_stale(catalog, tmp_path, monkeypatch):
    cache_tokens(catalog, TokenEncoders(Patches(), Words()), tmp_path / "t")
    monkeypatch.setattr("featurizer.encoders.libraries.version", lambda name: "0.0.1")
    with pytest.raises(StaleOutput, match=r"libraries\.torch"):
        cache_tokens(catalog, TokenEncoders(Patches(), Words()), tmp_path / "t")
