import json
import shutil

import huggingface_hub
import numpy as np
import pytest
from encoder_checkpoints import bert, gpt2, open_clip_timm, open_clip_vit, vit
from hub_cache import COMMIT, cached

import featurizer as fz
from featurizer.encoders.resolve import load_encoders
from featurizer.errors import CodeNotTrusted, InputError, ModelUnavailable
from featurizer.features.encode_again import recorded_encoders
from featurizer.features.extract import ExtractOptions, extract
from featurizer.ica.encoders import load_encoders as load_token_encoders
from featurizer.records import ItemRecord
from tests.recipes.shop import make_shop
from tests.support.items import make_catalog

MARK = "code_was_run"
OWN = """
import os
from transformers import BertConfig, BertModel
open(os.path.join({place!r}, {mark!r}), "w").close()

class Config(BertConfig):
    model_type = "an-own-kind"

class Model(BertModel):
    config_class = Config
"""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Return the cache of a Hub that cannot be reached; whoever is asked says yes."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    return tmp_path / "hub"


def change(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")


def with_code(folder):
    """A BERT of a kind that only the code in its folder knows."""
    bert(folder)
    (folder / "own.py").write_text(OWN.format(place=str(folder.parent), mark=MARK), "utf-8")
    auto = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    change(folder / "config.json", model_type="an-own-kind", architectures=["Model"], auto_map=auto)
    return folder


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
def test_code_in_a_folder_is_never_run(hub, tmp_path, family):
    folder = with_code(tmp_path / "model")
    with pytest.raises(ModelUnavailable, match="wants code of its own to be run, which is never done here"):
        load_encoders([f"{family}:{folder}"])
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
def test_code_in_a_repository_is_run_only_where_its_commit_is_trusted(hub, tmp_path, family):
    cached(hub, "org/own", with_code(tmp_path / "model"), lacks=("modules.json",))
    with pytest.raises(ModelUnavailable, match="give extract --trust-remote-code org/own@COMMIT"):
        load_encoders([f"{family}:org/own"])
    assert not (tmp_path / MARK).exists()
    (encoder,) = load_encoders([f"{family}:org/own"], trusted=[f"org/own@{COMMIT}"])
    assert (tmp_path / MARK).exists()
    assert encoder.spec.revision == COMMIT
    assert encoder.spec.provenance()["remote_code"] == f"org/own@{COMMIT}"
    (plain,) = load_encoders([f"{family}:{bert(tmp_path / 'plain')}"])
    np.testing.assert_allclose(encoder.encode(["red dress"]), plain.encode(["red dress"]), rtol=0, atol=1e-5)
    assert "remote_code" not in plain.spec.provenance()


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
def test_code_that_a_trusted_repository_takes_from_elsewhere_is_not_run(hub, tmp_path, family):
    foreign = with_code(tmp_path / "foreign")
    cached(hub, "org/foreign", foreign, lacks=("modules.json",), commit=COMMIT[::-1])
    folder = bert(tmp_path / "model")
    auto = {"AutoConfig": "org/foreign--own.Config", "AutoModel": "org/foreign--own.Model"}
    change(folder / "config.json", model_type="an-own-kind", architectures=["Model"], auto_map=auto)
    cached(hub, "org/own", folder, lacks=("modules.json",))
    with pytest.raises(ModelUnavailable, match=f"could not load 'org/own' at revision {COMMIT}"):
        load_encoders([f"{family}:org/own"], trusted=[f"org/own@{COMMIT}"])
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("sides", [("transformers:org/own", "minilm"), ("{vit}", "transformers:org/own")])
def test_pretraining_runs_no_code_and_says_what_to_do_instead(hub, tmp_path, sides):
    cached(hub, "org/own", with_code(tmp_path / "model"), lacks=("modules.json",))
    eyes = f"transformers:{vit(tmp_path / 'eyes')}"
    told = (
        r"transformers:org/own comes with code of its own, which pretrain-ica does not run: choose an encoder without, "
        r"or use this one's vectors alone, through extract --trust-remote-code org/own@COMMIT and align\."
    )
    with pytest.raises(CodeNotTrusted, match=told):
        load_token_encoders(*(side.format(vit=eyes) for side in sides), device="cpu")
    assert not (tmp_path / MARK).exists()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with `catalog`, which is where we are."""
    make_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    fz.ingest("items.csv", images="pictures", interactions="clicks.csv", out="catalog")
    return tmp_path


def test_a_map_runs_no_code_and_says_what_to_do_instead(hub, shop):
    cached(hub, "org/own", with_code(shop / "model"), lacks=("modules.json",))
    trusted = [f"org/own@{COMMIT}"]
    fz.extract(
        "catalog", encoders=["transformers:org/own"], trust_remote_code=trusted, device="cpu", out="features"
    )
    fz.align("features", interactions="catalog/interactions.parquet", folds=1, ranks=[4], out="aligned")
    told = (
        r"transformers:org/own comes with code of its own, which align:aligned does not run: put the new items into "
        r"one catalog with the others, extract that with --trust-remote-code org/own@COMMIT, and align it again"
    )
    with pytest.raises(CodeNotTrusted, match=told):
        fz.extract("catalog", encoders=["align:aligned"], device="cpu", out="new")


def test_a_trained_alignment_runs_no_code_that_came_later(hub, shop):
    snapshot = cached(hub, "org/own", bert(shop / "plain"), lacks=("modules.json",))
    fz.pretrain_ica(
        "catalog", vision=f"transformers:{vit(shop / 'eyes')}", text="transformers:org/own",
        size="tiny", training={"epochs": 1}, device="cpu", out="ica",
    )  # fmt: skip
    shutil.copytree(with_code(shop / "model"), snapshot, dirs_exist_ok=True)
    told = (
        r"transformers:org/own comes with code of its own, which ica:ica does not run, and which was not there when it "
        r"was trained: pretrain-ica again with an encoder without, or .* at its earlier commit"
    )
    with pytest.raises(CodeNotTrusted, match=told):
        fz.extract("catalog", encoders=["ica:ica"], device="cpu", out="new")
    assert not (shop / MARK).exists()


def test_a_set_made_with_trusted_code_is_encoded_again_where_it_is_trusted_again(hub, tmp_path):
    cached(hub, "org/own", with_code(tmp_path / "model"), lacks=("modules.json",))
    trusted = [f"org/own@{COMMIT}"]
    catalog = make_catalog(tmp_path / "c", [ItemRecord(f"i{n}", title=f"cup {n}") for n in range(4)])
    encoders = load_encoders(["own=transformers:org/own"], device="cpu", trusted=trusted)
    made = extract(catalog, encoders, tmp_path / "f", ExtractOptions())
    asked = {"path": tmp_path / "f", "catalog": tmp_path / "c", "sample": 4, "device": "cpu"}
    with pytest.raises(ModelUnavailable, match="--trust-remote-code org/own@COMMIT"):
        fz.verify(**asked)
    assert fz.verify(**asked, trust_remote_code=trusted).ok
    with pytest.raises(InputError, match="but no encoder comes from there"):
        recorded_encoders(made, device="cpu", trusted=[f"org/other@{COMMIT}"])


def test_a_tokenizers_code_is_not_run_either(hub, tmp_path):
    folder = gpt2(tmp_path / "model")
    (folder / "own.py").write_text(OWN.format(place=str(tmp_path), mark=MARK), "utf-8")
    change(
        folder / "tokenizer_config.json", tokenizer_class="Own", auto_map={"AutoTokenizer": ["own.Own", None]}
    )
    load_encoders([f"transformers:{folder}"])
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("trusting", [True, False])
def test_the_code_of_an_open_clip_tower_or_tokenizer_is_not_run(hub, tmp_path, trusting):
    folder = (open_clip_vit if trusting else open_clip_timm)(tmp_path / "model")
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))
    text = config["model_cfg"]["text_cfg"]
    own = with_code(tmp_path / "own")
    text.update(
        hf_tokenizer_name=str(own), **({"tokenizer_kwargs": {"trust_remote_code": True}} if trusting else {})
    )
    text.update({} if trusting else {"hf_model_name": str(own)})
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelUnavailable, match=r"open_clip:.* wants code of its own to be run"):
        load_encoders([f"open_clip:{folder}"])
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        (["org/own"], "'org/own' does not say whose code"),
        (["org/own@main"], "Expected REPO@COMMIT"),
        ([f"org/own@{COMMIT[:12]}"], "40 digits of the commit"),
        ([f"./folder@{COMMIT}"], "Expected REPO@COMMIT"),
        ([f"org/own@{COMMIT}", f"org/own@{COMMIT[::-1]}"], "two commits of org/own"),
        ([f"org/other@{COMMIT}"], "no encoder comes from there"),
        ([f"org/eyes@{COMMIT}"], "timm:org/eyes never runs code of a repository"),
        ([f"org/pinned@{COMMIT}"], f"is asked for at v1, but the code of {COMMIT} is trusted"),
    ],
)
def test_what_is_trusted_must_be_one_commit_of_an_encoders_repository(trusted, found):
    encoders = ["transformers:org/own", "timm:org/eyes", "transformers:org/pinned@v1"]
    with pytest.raises(InputError, match=found):
        load_encoders(encoders, trusted=trusted)
