"""Models go the same way as feature sets: a plan, a card, the Hub, and back."""

import json

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.recsys.recommend import recommend
from featurizer.release.model import render_model_card
from featurizer.release.plan import plan_set
from featurizer.release.recard import recard
from tests.recsys.toy import small, toy_data
from tests.support.manifests import alignment_manifest


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from featurizer.recsys.train import train

    out = tmp_path_factory.mktemp("trained") / "m"
    train(out, small("bpr", {"dim": 4}, {"epochs": 1}), toy_data(), inputs={})
    return out


@pytest.fixture
def model(trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "m")
    return tmp_path / "m"


def test_a_model_is_published_without_its_users_and_pulled_back(hub, writer, model, tmp_path):
    assert writer("card", model, "--license", "Apache-2.0").code == 0
    done = writer("publish", model, "--repo", "org/bpr", "--json")
    assert done.code == 0, done.err
    assert "Warning" not in done.err
    names = [*hub.repo("models/org/bpr").files["main"]]
    assert sorted(names) == [
        "README.md", "items.parquet", "model/config.json", "model/manifest.json", "model/metrics.jsonl",
        "model/model.safetensors", "release.json",
    ]  # fmt: skip
    assert json.loads(done.out)["uploaded"][-2:] == ["README.md", "model/manifest.json"]
    back = writer("pull", "org/bpr", "--model", "--out", tmp_path / "g")
    assert back.code == 0, back.err
    assert not (tmp_path / "g" / "release.json").exists()
    for name in set(names) - {"release.json"}:
        assert (tmp_path / "g" / name).read_bytes() == (model / name).read_bytes(), name


def test_users_go_along_when_asked_and_the_pulled_model_recommends_as_before(hub, writer, model, tmp_path):
    writer("card", model, "--license", "Apache-2.0")
    assert writer("publish", model, "--repo", "org/bpr", "--with-users").code == 0
    assert writer("pull", "org/bpr", "--model", "--out", tmp_path / "g").code == 0
    assert recommend(tmp_path / "g", "u000", 5) == recommend(model, "u000", 5)


def test_users_do_not_stay_in_the_repository_when_they_are_no_longer_published(hub, writer, model):
    writer("card", model, "--license", "Apache-2.0")
    writer("publish", model, "--repo", "org/bpr", "--with-users")
    assert "users.parquet" in hub.repo("models/org/bpr").files["main"]
    told = json.loads(writer("publish", model, "--repo", "org/bpr", "--json").out)
    assert told["removed"] == ["users.parquet"]
    assert "users.parquet" not in hub.repo("models/org/bpr").files["main"]


def test_the_card_tells_results_configuration_and_what_is_not_published(model):
    recard(model, license="MIT")
    text = render_model_card(model, repo="org/bpr")
    _, head, body = text.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "mit", "library_name": "featurizer", "tags": ["featurizer", "recommendation", "multimodal", "bpr"],
    }  # fmt: skip
    recall = json.loads((model / "model" / "manifest.json").read_text())["test"]["recall@20"]
    assert f"| recall@20 | {body.split('| recall@20 | ')[1].split(' |')[0]} | {recall:.4f} |" in body
    assert "User ids and what users used are not published" in body
    assert '"name": "bpr"' in body
    assert "{rendle2009bpr," in body
    assert "alignrec" not in body


def test_the_card_of_a_model_whose_package_is_not_here_cites_nobody(model):
    path = model / "model" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "of-another-package"}))
    assert "Citation" not in render_model_card(model)


def test_a_model_without_a_license_or_with_damaged_weights_is_refused(hub, writer, model):
    told = writer("publish", model, "--repo", "org/bpr", "--dry-run")
    assert f"{model} has no license" in told.err
    recard(model, license="MIT")
    assert writer("publish", model, "--repo", "org/bpr", "--dry-run").code == 0
    (model / "model" / "model.safetensors").write_bytes(b"x")
    assert "is damaged" in writer("publish", model, "--repo", "org/bpr", "--dry-run").err


def test_a_model_of_another_stage_is_published_by_what_its_manifest_tells(tmp_path):
    folder = tmp_path / "ica" / "model"
    folder.mkdir(parents=True)
    save_file({"w": np.ones(2, np.float32)}, folder / "model.safetensors")
    config = {"layers": 2, "options": {"objective": {"contrastive": 0.5, "copurchase": 0.0, "cls": 1.0}}}
    manifest = alignment_manifest(config, license="mit")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = render_model_card(tmp_path / "ica")
    assert "# ica" in text
    assert (
        "An encoder that aligns an item's picture and text and gives one unified vector, trained by mask"
        in text
    )
    assert '"layers": 2' in text
    assert "| text | 0.301 | 0.151 | +0.150 (+0.127 to +0.176) | 0.047 | 1,288 |" in text
    assert "| image | 0.200 | 0.003 |" in text
    assert "trained with the optional term `contrastive`, weight 0.5" in text
    assert "copurchase`" not in text
    for more, told in (
        (
            {"fills": {"image": "ridge", "text": "zero"}},
            "a network trained on masked views completes what is missing",
        ),
        ({"fills": {"image": "ridge", "text": "zero"}, "training": "not used"}, "training was not used"),
    ):
        (folder / "manifest.json").write_text(json.dumps(manifest | more))
        text = render_model_card(tmp_path / "ica")
        assert told in text
        assert "mask-then-predict" not in text.partition("Written by")[0]
        assert ("Held-out masked tokens" in text) is ("training" not in more)
    assert "It knows the items and users" not in text
    assert "{liu2024alignrec," in text


def test_flags_for_the_other_kind_are_refused(writer, model, tmp_path):
    from tests.release.sets import make_set

    made = make_set(tmp_path / "f")
    assert (
        "--with-users is for models"
        in writer("publish", made.folder, "--repo", "a/b", "--with-users", "--dry-run").err
    )
    assert "go together" in writer("publish", made.folder, "--repo", "a/b", "--with-images", "--dry-run").err
    assert "is a model" in writer("card", model, "--scores", "x").err


@pytest.fixture
def catalog(tmp_path):
    """A catalog of three pictures under an open license, and the function that makes its features."""
    from PIL import Image
    from typer.testing import CliRunner

    from featurizer.cli.app import app

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 40), (80 * number, 10, 10)).save(folder / f"p{number}.png")

    def make(license):
        out = tmp_path / f"catalog-{license}"
        done = CliRunner().invoke(app, ["ingest", str(folder), "--out", str(out), "--license", license])
        assert done.exit_code == 0, done.output
        return out

    return make


def features_of(catalog, out):
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.results.files import write_json
    from featurizer.results.seal import sealed

    opened = Catalog.open(catalog)
    ids = opened.column("item_id").to_pylist()
    space = ArraySpace("x_image", "image", np.eye(len(ids), dtype=np.float32))
    made = write_arrays(out, ids, [space], source=opened.manifest.source.document())
    write_json(out / "feature_set.json", sealed({**made.manifest.document(), "catalog": opened.identity}))
    return FeatureSet.open(out), opened


def test_pictures_go_along_only_under_an_open_license_and_from_the_right_catalog(catalog, tmp_path):
    made, opened = features_of(catalog("CC0-1.0"), tmp_path / "f")
    plan = plan_set(made, "org/set", pictures=opened)
    assert [file.path for file in plan.files][:2] == [
        "data/train-00000-of-00001.parquet",
        "items/part-00000.parquet",
    ]
    head = yaml.safe_load(plan.card.split("---\n")[1])
    assert [config["config_name"] for config in head["configs"]] == ["default", "items"]
    closed, other = features_of(catalog("CC-BY-NC-4.0"), tmp_path / "g")
    with pytest.raises(InputError, match="which does not let them be passed on"):
        plan_set(closed, "org/set", pictures=other)
    with pytest.raises(InputError, match="is not the catalog that"):
        plan_set(closed, "org/set", pictures=opened)
    assert not any(file.path.startswith("items/") for file in plan_set(made, "org/set").files)


def test_test_results_go_into_the_hubs_own_file_when_their_data_set_is_named(hub, writer, model, tmp_path):
    from huggingface_hub import parse_eval_result_entries

    writer("card", model, "--license", "Apache-2.0")
    plain = json.loads(writer("publish", model, "--repo", "org/bpr", "--dry-run", "--json").out)
    assert not any(".eval_results" in file["path"] for file in plain["files"])
    named = ("--benchmark", "org/baby-split@abc123")
    done = writer("publish", model, "--repo", "org/bpr", *named, "--json")
    assert done.code == 0, done.err
    assert ".eval_results/featurizer.yaml" in hub.repo("models/org/bpr").files["main"]
    text = (model / ".eval_results" / "featurizer.yaml").read_text("utf-8")
    entries = {entry.task_id: entry for entry in parse_eval_result_entries(yaml.safe_load(text))}
    test = json.loads((model / "model" / "manifest.json").read_text())["test"]
    assert {task: entry.value for task, entry in entries.items()} == test
    entry = entries["recall@20"]
    assert (entry.dataset_id, entry.dataset_revision) == ("org/baby-split", "abc123")
    assert entry.source_url == "https://huggingface.co/org/bpr"
    assert entry.notes.startswith("bpr: all items ranked")
    assert writer("pull", "org/bpr", "--model", "--out", tmp_path / "g").code == 0
    assert "expected ORG/NAME" in writer("publish", model, "--repo", "org/bpr", "--benchmark", "x").err
    from tests.release.sets import make_set

    told = writer("publish", make_set(tmp_path / "f").folder, "--repo", "a/b", *named, "--dry-run").err
    assert "--benchmark is for models" in told


def test_a_private_release_names_its_license_freely(hub, writer, model):
    assert "of a private release any name" in writer("publish", model, "--repo", "org/bpr").err
    told = writer("card", model, "--license", "proprietary")
    assert (told.code, "the card says 'other', named proprietary" in told.out + told.err) == (0, True)
    assert "any name where the release stays private" in told.out + told.err
    assert writer("publish", model, "--repo", "org/bpr", "--private").code == 0
    assert hub.repo("models/org/bpr").private
    head = yaml.safe_load((model / "README.md").read_text("utf-8").split("---\n")[1])
    assert (head["license"], head["license_name"]) == ("other", "proprietary")
