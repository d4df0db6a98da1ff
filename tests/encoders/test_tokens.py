import subprocess
import sys

import pytest
import torch

from featurizer.encoders.family import family_named
from featurizer.encoders.resolve import load_token_encoder
from featurizer.errors import InputError, UnknownName

PLUGIN = """
from dataclasses import replace
from featurizer.encoders.families.transformers import encoder as transformers
from featurizer.encoders.families.transformers import tokens as transformers_tokens
from featurizer.encoders.family import EncoderFamily

def load(request):
    return transformers.load(replace(request, model=request.model.removeprefix("own/")))

def load_tokens(request):
    return transformers_tokens.load(replace(request, model=request.model.removeprefix("own/")))

FAMILY = EncoderFamily("own", load, load_tokens)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with one encoder that gives tokens and one that does not."""
    (tmp_path / "own_encoder.py").write_text(PLUGIN, "utf-8")
    info = tmp_path / "own_encoder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-encoder\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[featurizer.encoders]\nown = own_encoder:FAMILY\nplain = own_encoder:load\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_encoder", None)


@pytest.mark.parametrize("name", ["open_clip", "transformers", "timm", "sentence-transformers"])
def test_every_family_of_models_gives_tokens(name):
    assert family_named(name).load_tokens is not None


@pytest.mark.parametrize("modality", ["image", "text"])
def test_a_dual_model_gives_the_side_that_is_asked_for(checkpoint, modality):
    tokens = load_token_encoder(f"mine=transformers:{checkpoint('clip')}", modality, device="cpu")
    assert tokens.spec.pooled.space == f"mine_{modality}"


@pytest.mark.parametrize(
    ("text", "modality", "message"),
    [
        ("efficientnet-lite0", "text", "reads images, but text was asked for"),
        ("minilm", "image", "gives vectors of text, but image was asked for"),
    ],
)
def test_an_encoder_without_that_modality_is_refused(text, modality, message):
    with pytest.raises(InputError, match=message):
        load_token_encoder(text, modality, device="cpu")


def test_an_unknown_encoder_lists_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown encoder 'minilmm': did you mean minilm"):
        load_token_encoder("minilmm", "text", device="cpu")


@pytest.mark.usefixtures("plugin")
def test_a_plugin_gives_tokens_under_the_name_of_its_encoder(checkpoint):
    tokens = load_token_encoder(f"own:own/{checkpoint('bert')}", "text", device="cpu")
    assert tokens.spec.pooled.modality == "text"


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_gives_vectors_alone_says_which_families_give_tokens(checkpoint):
    message = r"own/.* gives vectors but no tokens: its family 'plain' has no load_tokens.*open_clip.*own"
    with pytest.raises(InputError, match=message):
        load_token_encoder(f"plain:own/{checkpoint('bert')}", "text", device="cpu")


def test_an_unknown_family_is_named_in_plain_words():
    with pytest.raises(UnknownName, match=r"unknown encoder 'tim': did you mean timm"):
        family_named("tim")


def test_half_precision_reaches_the_model(checkpoint):
    full, half = (
        load_token_encoder(f"transformers:{checkpoint('bert')}", "text", device="cpu", dtype=dtype)
        for dtype in ("float32", "bfloat16")
    )
    ids = torch.tensor([[5, 6, 7]])
    states = [tokens.encode(ids, ids > 0).states for tokens in (full, half)]
    assert states[1].dtype == torch.float32
    assert 0 < (states[0] - states[1]).abs().max() < 0.2


def test_finding_a_token_encoder_imports_no_model_library():
    code = (
        "import sys, featurizer.encoders.resolve; "
        "sys.exit(', '.join({'torch', 'transformers', 'timm'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
