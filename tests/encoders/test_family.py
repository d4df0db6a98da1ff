import logging
import subprocess
import sys
from dataclasses import replace

import pytest

from featurizer.encoders.base import EncoderRequest, EncoderSpec
from featurizer.encoders.family import EncoderFamily, families, family_named, find_family, own_families
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.naming import local_folder
from featurizer.encoders.presets import describe_presets, preset_named
from featurizer.encoders.resolve import load, load_encoders, resolve
from featurizer.encoders.torch_encoder import as_given, torch_encoder
from featurizer.errors import FeaturizerError, InputError, MissingExtra
from featurizer.registry import Extra
from featurizer.release.citations import papers_of
from featurizer.results.manifests.feature_set import SpaceProvenance
from featurizer.testing import EncoderFamilyContract

PLUGIN = """
from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.preset import EncoderPreset
from featurizer.papers import Paper
from featurizer.registry import Extra


class Letters:
    def __init__(self, request):
        self.spec = EncoderSpec(
            request.name, "text", 1, "letters", request.model, None, "code", "0", "count", False, {"library": "own"}
        )

    def prepare(self, text):
        return text

    def encode(self, texts):
        import numpy as np

        return np.array([[len(text)] for text in texts], np.float32).reshape(-1, 1)


def load(request):
    return [Letters(request)]


FAMILY = EncoderFamily(
    "letters",
    load,
    extra=Extra(("json",), "all", "letters-encoder"),
    papers={"": Paper("own2026", "Letters", "Own, Author", 2026, "Nowhere")},
    presets=(EncoderPreset("abc", "latin", {"text": 1}, "MIT"),),
    name_model=lambda model: f"letters-{model}" if model else None,
)
LACKING = EncoderFamily("lacking", load, extra=Extra(("no_such_module",), "all", "letters-encoder"))
NUMBER = 7
"""

ENTRY_POINTS = """[featurizer.encoders]
letters = letters_encoder:FAMILY
bare = letters_encoder:load
lacking = letters_encoder:LACKING
misnamed = letters_encoder:FAMILY
number = letters_encoder:NUMBER
broken = letters_encoder:nothing
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with a family, a bare function, and what is neither."""
    (tmp_path / "letters_encoder.py").write_text(PLUGIN, "utf-8")
    info = tmp_path / "letters_encoder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: letters-encoder\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("letters_encoder", None)


class Transformers(EncoderFamilyContract):
    checkpoint_name = ""

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint(self.checkpoint_name))

    def make_family(self):
        return family_named("transformers")

    def make_request(self):
        return EncoderRequest(name="small", model=self.folder)


class TestTransformersDual(Transformers):
    checkpoint_name = "clip"


class TestTransformersText(Transformers):
    checkpoint_name = "bert"


class TestOpenClip(Transformers):
    checkpoint_name = "open_clip_vit"

    def make_family(self):
        return family_named("open_clip")


class TestTimm(EncoderFamilyContract):
    def make_family(self):
        return family_named("timm")

    def make_request(self):
        return resolve("efficientnet-lite0")


class TestSentenceTransformers(EncoderFamilyContract):
    def make_family(self):
        return family_named("sentence-transformers")

    def make_request(self):
        return resolve("minilm")


@pytest.mark.usefixtures("plugin")
class TestPlugin(EncoderFamilyContract):
    def make_family(self):
        return family_named("letters")

    def make_request(self):
        return EncoderRequest(name="small", model="latin")


class Counter:
    """Stands for an encoder of texts."""


def text_family(**changes):
    """A family of one text encoder, which a test spoils."""

    def load(request):
        spec = EncoderSpec(
            request.name, "text", 1, "own", "m", None, "code", "0", "sum", False, {"library": "own"}
        )
        return [torch_encoder(spec, as_given, lambda texts: texts)]

    return replace(EncoderFamily("own", load), **changes)


@pytest.mark.parametrize(
    ("family", "check", "message"),
    [
        (text_family(name="a:b"), "the_name_can_stand_before_a_colon", "cannot be typed"),
        (
            text_family(extra=Extra(("nowhere",), "x")),
            "what_it_needs_is_installed_here",
            "nowhere cannot be found",
        ),
        (
            text_family(name="another"),
            "encoders_carry_the_familys_name_and_the_one_asked_for",
            "is own, the family another",
        ),
        (
            text_family(load=lambda _: []),
            "encoders_carry_the_familys_name_and_the_one_asked_for",
            "no encoder",
        ),
        (text_family(load_tokens=lambda _: []), "tokens_are_those_of_the_encoders", "no token encoder"),
        (text_family(load_tokens=lambda _: [Counter()]), "tokens_are_those_of_the_encoders", "no TokenSpec"),
    ],
)
def test_the_contract_finds_a_family_that_breaks_it(family, check, message):
    class Contract(EncoderFamilyContract):
        def make_family(self):
            return family

        def make_request(self):
            return EncoderRequest(name="small", model="m")

    with pytest.raises(AssertionError, match=message):
        getattr(Contract(), f"test_{check}")()


def test_the_families_of_featurizer_are_listed_and_say_which_are_theirs():
    assert [family.name for family in own_families()] == [
        "align", "filled", "ica", "open_clip", "sentence-transformers", "timm", "transformers",
    ]  # fmt: skip
    assert all(family.needs_model for family in own_families())


@pytest.mark.usefixtures("plugin")
def test_plugins_are_listed_after_featurizers_own_and_broken_ones_are_left_out_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        names = [family.name for family in families()]
    assert names[7:] == ["bare", "lacking", "letters"]
    assert len(caplog.messages) == 3
    assert "plug-in 'broken' of letters-encoder cannot be imported" in caplog.text
    assert "'misnamed' of featurizer.encoders names the family letters; expected" in caplog.text
    assert "'number' of featurizer.encoders names a int; expected an EncoderFamily" in caplog.text
    assert find_family("broken") is None
    assert find_family("nobody") is None


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("name", ["broken", "misnamed", "number"])
def test_a_broken_plugin_that_is_asked_for_is_an_error(name):
    with pytest.raises(FeaturizerError, match=f"'{name}' of "):
        family_named(name)


@pytest.mark.usefixtures("plugin")
def test_an_entry_point_may_name_the_function_alone():
    (encoder,) = load_encoders(["bare:latin"], device="cpu")
    assert (encoder.spec.space, encoder.encode(["abc"]).tolist()) == ("latin_text", [[3]])
    assert family_named("bare").load_tokens is None


def space_of(family: str, model: str | None) -> SpaceProvenance:
    return SpaceProvenance(
        modality="image", dim=2, dtype="float32", encoder="e", null=0, family=family, model=model,
        revision=None, source=None, weight_hash=None, pooling=None, normalized=None, preprocessing={},
        license=None,
    )  # fmt: skip


@pytest.mark.usefixtures("plugin")
def test_a_plugins_presets_names_papers_and_pip_line_are_its_own():
    assert preset_named("abc").family.name == "letters"
    assert "abc" in [one.preset.name for one in describe_presets()]
    assert [encoder.spec.space for encoder in load_encoders(["abc"], device="cpu")] == ["abc_text"]
    assert resolve("letters:latin").name == "letters-latin"
    assert resolve("letters").name == "letters"
    assert [paper.key for paper in papers_of([space_of("letters", "x")])][1:] == ["own2026"]
    with pytest.raises(MissingExtra, match=r"lacking is not installed.*pip install 'letters-encoder\[all\]'"):
        load(resolve("lacking:latin"))


@pytest.mark.usefixtures("plugin")
def test_a_preset_of_featurizer_is_found_without_importing_a_plugin():
    resolve("minilm")
    assert "letters_encoder" not in sys.modules


def test_a_trained_alignment_is_a_folder_whose_space_is_unified():
    request = resolve("ica:runs/model@home")
    assert (request.family, request.name) == ("ica", "unified")
    assert (request.model, request.revision) == ("runs/model@home", None)
    assert str(local_folder("ica:runs/model")) == "runs/model"
    assert local_folder("timm:runs/model") is None
    assert local_folder("nobody:runs/model") is None
    with pytest.raises(InputError, match="names a family without a model"):
        resolve("ica")


def test_the_versions_of_every_library_that_can_change_a_vector_are_recorded():
    expected = {
        "torch", "torchvision", "transformers", "open-clip-torch", "timm", "sentence-transformers", "tokenizers",
        "pillow", "numpy", "pyarrow", "datasets",
    }  # fmt: skip
    assert set(library_versions()) == expected


@pytest.mark.parametrize(
    ("family", "model", "keys"),
    [
        ("open_clip", "ViT-B-32/laion2b_s34b_b79k", ["ilharco2021openclip", "dosovitskiy2021vit"]),
        ("transformers", "openai/clip-vit-base-patch32", ["radford2021clip", "dosovitskiy2021vit"]),
        ("transformers", "google/siglip-base-patch16-224", ["zhai2023siglip"]),
        ("transformers", "google-bert/bert-base-uncased", ["devlin2019bert"]),
        ("transformers", "sentence-transformers/all-MiniLM-L6-v2", ["reimers2019sbert", "wang2020minilm"]),
        ("sentence-transformers", "BAAI/bge-base-en-v1.5", ["reimers2019sbert", "xiao2023cpack"]),
        ("timm", "tf_efficientnet_lite0", ["tan2019efficientnet"]),
        ("ica", "runs/mine", []),
        ("gone", "resnet50", ["he2016resnet"]),
        ("imported", None, []),
    ],
)
def test_what_is_cited_is_the_familys_papers_and_the_architectures(family, model, keys):
    cited = papers_of([space_of(family, model)])
    assert [paper.key for paper in cited] == ["liu2024alignrec", *keys]


def test_listing_families_presets_and_libraries_imports_no_model_library():
    code = (
        "import sys; from featurizer.encoders.family import families; "
        "from featurizer.encoders.libraries import library_versions; "
        "from featurizer.encoders.presets import describe_presets; "
        "list(families()); describe_presets(); library_versions(); "
        "heavy = {'torch', 'transformers', 'open_clip', 'timm', 'sentence_transformers'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
