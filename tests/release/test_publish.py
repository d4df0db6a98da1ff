import json
import subprocess
import time
from hashlib import sha256

import pytest

from featurizer.features.feature_set import FeatureSet
from featurizer.results.files import file_sha256
from featurizer.results.seal import SEAL, sealed
from featurizer.scoring.document import FEATURE_SET_FINGERPRINT, attach
from tests.release.sets import make_set, same_vectors

LAST = ["croissant.json", "README.md", "feature_set.json"]


@pytest.fixture
def features(tmp_path):
    return make_set(tmp_path / "f", shard_rows=2)


def published(folder):
    """Return what the repository must hold: every file of the folder that is published, by hash, and their list."""
    scores = [name for name in ("scores.json", "scores.png") if (folder / name).exists()]
    names = [*sorted(f"data/{path.name}" for path in (folder / "data").iterdir()), *scores, *LAST]
    files = {name: file_sha256(folder / name) for name in names}
    listed = json.dumps({"format_version": 1, "files": files}, indent=2) + "\n"
    return files | {"release.json": sha256(listed.encode()).hexdigest()}


def test_a_set_is_published_in_one_commit_and_checked(hub, writer, features):
    done = writer(
        "publish", features.folder, "--repo", "org/set", "--tag", "v1", "--collection", "Shop", "--json"
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    repo = hub.repo()
    assert repo.files["main"] == published(features.folder)
    assert told["uploaded"] == [*published(features.folder)][:-1]
    assert told["checked"] == 6
    assert told["commit"] == repo.branches["main"] == repo.tags["v1"]
    assert [entry["title"] for entry in repo.history] == [
        "initial commit", "6 items, spaces x_image, y_text (6 added)",
    ]  # fmt: skip
    assert "- added: feature_set.json" in repo.history[-1]["description"]
    assert repo.private
    assert [item["id"] for one in hub.state().collections.values() for item in one["items"]] == ["org/set"]


def test_publishing_again_sends_nothing(hub, writer, features):
    writer("publish", features.folder, "--repo", "org/set", "--tag", "v1")
    commits = len(hub.repo().history)
    hub.fail()
    again = json.loads(
        writer(
            "publish", features.folder, "--repo", "org/set", "--tag", "v1", "--collection", "x", "--json"
        ).out
    )
    assert (again["uploaded"], len(again["skipped"]), again["checked"]) == ([], 6, 6)
    assert len(hub.repo().history) == commits
    assert hub.count("PUT", "/lfs") == 0


def test_a_newer_set_replaces_the_older_and_leaves_no_shard_of_it(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    newer = make_set(tmp_path / "g", shard_rows=6, seed=1)
    told = json.loads(writer("publish", newer.folder, "--repo", "org/set", "--json").out)
    assert hub.repo().files["main"] == published(newer.folder)
    assert told["removed"] == [f"data/train-0000{row}-of-00003.parquet" for row in range(3)]
    assert hub.repo().history[-1]["title"].endswith("(1 added, 3 changed, 3 removed)")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": 0.9}, "scores.json: it was changed since it was written"),
        ({SEAL: None}, "scores.json: it has no manifest_sha256, expected one"),
        ({FEATURE_SET_FINGERPRINT: "other"}, "scores.json: it is of another feature set"),
    ],
)
def test_scores_that_were_changed_by_hand_are_not_published(hub, writer, features, change, said):
    row = {
        "metric": "zero_shot_recall",
        "split": "test",
        "k": 20,
        "value": 0.1,
        "space": "x_image",
        "users": 9,
    }
    attach({"scores": [{**row, "feature_set": "f", "transform": "auto"}]}, "f", features.folder)
    assert writer("publish", features.folder, "--repo", "org/set", "--dry-run").code == 0
    path = features.folder / "scores.json"
    document = json.loads(path.read_text("utf-8"))
    if "value" in change:
        document["scores"][0] |= change
    elif SEAL in change:
        del document[SEAL]
    else:
        document = sealed({**document, **change})
    path.write_text(json.dumps(document), "utf-8")
    done = writer("publish", features.folder, "--repo", "org/set")
    assert done.code == 1
    assert said in done.err
    assert "datasets/org/set" not in hub.state().repos


def test_scores_that_a_newer_set_does_not_have_do_not_stay(hub, writer, features, tmp_path):
    row = {
        "metric": "zero_shot_recall",
        "split": "test",
        "k": 20,
        "value": 0.1,
        "space": "x_image",
        "feature_set": "f",
        "transform": "auto",
    }
    (features.folder / "scores.json").write_text(json.dumps({"scores": [row]}))
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    assert {"scores.json", "scores.png"} <= hub.repo().files["main"].keys()
    newer = make_set(tmp_path / "g", shard_rows=2, seed=1)
    assert writer("publish", newer.folder, "--repo", "org/set").code == 0
    assert hub.repo().files["main"] == published(newer.folder)


def test_a_dry_run_lists_what_is_published_without_token_or_network_and_touches_nothing(
    hub, alone, writer, features
):
    before = {path: path.stat().st_mtime_ns for path in features.folder.glob("[!.]*/**/*")}
    done = alone(
        "publish", features.folder, "--repo", "org/set", "--dry-run", "--json",
        token="", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {path: path.stat().st_mtime_ns for path in features.folder.glob("[!.]*/**/*")} == before
    writer("publish", features.folder, "--repo", "org/set")
    there = {path: found for path, found in hub.repo().files["main"].items() if path != "release.json"}
    assert {file["path"]: file["sha256"] for file in told["files"]} == there
    assert [file["path"] for file in told["files"]][-3:] == LAST
    assert told["card"] == (features.folder / "README.md").read_text("utf-8")
    assert told["repo"] == "org/set"


def test_datasets_reads_the_published_set_through_the_same_endpoint(hub, writer, alone, features):
    writer("publish", features.folder, "--repo", "org/set", "--public")
    code = (
        "import json, datasets\n"
        "rows = datasets.load_dataset('org/set', split='train')\n"
        "print(json.dumps([list(rows['item_id']), list(rows['x_image'])[:2], str(rows.features['y_text'])]))"
    )
    done = alone(code=code, token="")
    assert done.returncode == 0, done.stderr
    ids, vectors, feature = json.loads(done.stdout)
    assert ids == features.item_ids()
    assert vectors == [features.vectors("x_image")[0][0].tolist(), None]
    assert feature == "List(Value('float32'), length=4)"


def test_a_published_set_is_pulled_back_as_it_was(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set", "--tag", "v1")
    done = writer("pull", "org/set", "--revision", "v1", "--out", tmp_path / "g", "--json")
    assert done.code == 0, done.err
    same_vectors(features, FeatureSet.open(tmp_path / "g"))
    assert sorted(path.name for path in (tmp_path / "g").iterdir()) == [
        "README.md", "croissant.json", "data", "feature_set.json",
    ]  # fmt: skip
    assert writer("verify", tmp_path / "g").code == 0
    assert json.loads(writer("diff", features.folder, tmp_path / "g", "--json").out)["same"] is True
    again = json.loads(writer("pull", "org/set", "--out", tmp_path / "g", "--json").out)
    assert again["fetched"] == []
    assert sorted(again["kept"]) == sorted(published(features.folder).keys() - {"release.json"})


def test_a_pull_into_the_same_result_brings_what_is_damaged_and_leaves_a_card_that_is_ones_own(
    hub, writer, features, tmp_path
):
    writer("publish", features.folder, "--repo", "org/set")
    out = tmp_path / "g"
    writer("pull", "org/set", "--out", out)
    damaged, lost = (f"data/train-0000{row}-of-00003.parquet" for row in (0, 2))
    (out / damaged).write_bytes(b"damaged")
    (out / lost).unlink()
    (out / "README.md").write_text("my own")
    told = json.loads(writer("pull", "org/set", "--out", out, "--json").out)
    assert (told["fetched"], told["differing"]) == ([damaged, lost], ["README.md"])
    assert (out / "README.md").read_text() == "my own"
    same_vectors(features, FeatureSet.open(out))
    assert "--overwrite takes the Hub's" in writer("pull", "org/set", "--out", out).err
    assert writer("pull", "org/set", "--out", out, "--overwrite").code == 0
    assert published(out) == published(features.folder)
    assert not (out / ".pull").exists()


def test_a_pull_into_another_result_is_refused_until_it_is_to_be_replaced(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    make_set(tmp_path / "g", seed=1)
    assert (
        "holds a finished result that is not this one"
        in writer("pull", "org/set", "--out", tmp_path / "g").err
    )
    assert writer("pull", "org/set", "--out", tmp_path / "g", "--overwrite").code == 0
    same_vectors(features, FeatureSet.open(tmp_path / "g"))


def test_a_pull_goes_on_where_it_broke_off(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    hub.fail({"method": "GET", "path": "/cdn/", "skip": 1, "status": 403})
    broken = writer("pull", "org/set", "--out", tmp_path / "g")
    assert broken.code == 1
    assert not (tmp_path / "g" / "feature_set.json").exists()
    hub.fail()
    told = json.loads(writer("pull", "org/set", "--out", tmp_path / "g", "--json").out)
    assert told["kept"] == ["data/train-00000-of-00003.parquet"]
    same_vectors(features, FeatureSet.open(tmp_path / "g"))


def test_a_branch_and_privacy_are_as_asked(hub, writer, features):
    done = writer("publish", features.folder, "--repo", "ann/set", "--private", "--branch", "next")
    assert done.code == 0, done.err
    repo = hub.repo("datasets/ann/set")
    assert repo.private
    assert repo.files["next"] == published(features.folder)
    assert repo.files["main"] == {}


def test_large_files_go_in_parts(hub, writer, features):
    hub.tell("/__chunks__", 1000)
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    assert hub.repo().files["main"] == published(features.folder)
    assert hub.count("PUT", "/lfs") >= 9


def refused(writer, *arguments):
    done = writer("publish", *arguments)
    assert done.code == 1, done.out
    assert "Traceback" not in done.err
    return done.err.strip().splitlines()[-1].removeprefix("error: ")


def test_private_by_mistake_and_public_by_mistake_are_refused(hub, writer, features):
    writer("publish", features.folder, "--repo", "org/set")
    assert hub.repo().private
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    told = refused(writer, features.folder, "--repo", "org/set", "--public")
    assert "is there already and private; make it public in its settings first" in told
    writer("publish", features.folder, "--repo", "org/open", "--public")
    assert not hub.repo("datasets/org/open").private
    assert writer("publish", features.folder, "--repo", "org/open").code == 0
    told = refused(writer, features.folder, "--repo", "org/open", "--private")
    assert "is there already and public; choose another --repo" in told


def test_a_repository_of_others_is_refused_and_keeps_every_file_when_one_publishes_into_it(
    hub, writer, features
):
    theirs = {"README.md": "theirs", "notes.txt": "kept", "data/other.parquet": "kept too"}
    hub.tell("/__foreign__", {"name": "org/set", "files": theirs})
    before = hub.repo().files["main"]
    told = refused(writer, features.folder, "--repo", "org/set")
    assert "org/set holds 3 files that featurizer did not publish, such as README.md" in told
    assert hub.repo().files["main"] == before
    assert hub.count("PUT", "/lfs") == 0
    assert writer("publish", features.folder, "--repo", "org/set", "--into-existing").code == 0
    assert hub.repo().files["main"] == before | published(features.folder)


def test_a_newer_release_removes_only_what_the_older_one_listed(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    hub.tell(
        "/__foreign__", {"name": "org/set", "files": {"data/mine.parquet": "by hand", "items/b.txt": "too"}}
    )
    newer = make_set(tmp_path / "g", shard_rows=6, seed=1)
    told = json.loads(writer("publish", newer.folder, "--repo", "org/set", "--json").out)
    assert told["removed"] == [f"data/train-0000{row}-of-00003.parquet" for row in range(3)]
    assert hub.repo().files["main"].keys() - published(newer.folder).keys() == {
        "data/mine.parquet",
        "items/b.txt",
    }


def test_a_release_without_a_list_is_replaced_by_what_its_manifest_says(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    hub.tell(
        "/__foreign__", {"name": "org/set", "files": {"release.json": None, "data/mine.parquet": "by hand"}}
    )
    newer = make_set(tmp_path / "g", shard_rows=6, seed=1)
    assert writer("publish", newer.folder, "--repo", "org/set").code == 0
    assert hub.repo().files["main"].keys() - published(newer.folder).keys() == {"data/mine.parquet"}


def test_of_two_who_publish_at_once_the_second_is_told_and_changes_nothing(hub, writer, features):
    hub.fail({"method": "POST", "path": "/commit/main", "meanwhile": {"theirs.txt": "first"}})
    told = refused(writer, features.folder, "--repo", "org/set")
    assert "somebody else committed to org/set at main while this was sent" in told
    assert list(hub.repo().files["main"]) == ["theirs.txt"]


def test_of_two_programs_that_publish_at_once_one_wins_whole_and_the_other_says_so(
    hub, writer, killable, features, tmp_path
):
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    first, second = (
        make_set(tmp_path / name, shard_rows=2, seed=seed) for seed, name in ((1, "a"), (2, "b"))
    )
    hub.fail({"method": "POST", "path": "/commit/main", "behind": True})
    slower = killable("publish", first.folder, "--repo", "org/set", stderr=subprocess.PIPE)
    while not hub.state().waiting:  # until it has sent its files, and its commit is on its way
        assert slower.poll() is None
        time.sleep(0.1)
    assert writer("publish", second.folder, "--repo", "org/set").code == 0
    _, told = slower.communicate(timeout=100)
    assert slower.returncode == 1
    assert b"somebody else committed to org/set at main while this was sent" in told
    assert hub.repo().files["main"] == published(second.folder)
    assert writer("pull", "org/set", "--out", tmp_path / "g").code == 0
    same_vectors(second, FeatureSet.open(tmp_path / "g"))


def test_every_commit_of_an_update_is_a_whole_release(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    newer = make_set(tmp_path / "g", shard_rows=2, seed=1)
    writer("publish", newer.folder, "--repo", "org/set")
    commits = [entry["commit"] for entry in hub.repo().history][1:]
    assert len(commits) == 2
    for commit, expected in zip(commits, (features, newer), strict=True):
        out = tmp_path / commit
        assert writer("pull", "org/set", "--revision", commit, "--out", out).code == 0
        same_vectors(expected, FeatureSet.open(out))


def test_a_tag_of_another_commit_is_never_moved(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set", "--tag", "v1")
    first = hub.repo()
    other = make_set(tmp_path / "g", seed=1)
    assert "a tag never moves" in refused(writer, other.folder, "--repo", "org/set", "--tag", "v1")
    assert (hub.repo().tags, hub.repo().files) == (first.tags, first.files)


def test_what_must_not_be_published_is_refused_before_the_hub_is_asked(hub, writer, features, tmp_path):
    unlicensed = make_set(tmp_path / "u", source={"name": "x", "license": "unknown"})
    told = refused(writer, unlicensed.folder, "--repo", "org/set")
    assert f"featurizer card {unlicensed.folder} --license ID" in told
    assert "'unknown'" in told
    features.shards[1].write_bytes(b"damaged")
    told = refused(writer, features.folder, "--repo", "org/set")
    assert "data/train-00001-of-00003.parquet: its sha256 differs" in told
    assert "expected ORG/NAME" in refused(writer, unlicensed.folder, "--repo", "set")
    assert "expected ORG/NAME" in refused(writer, unlicensed.folder, "--repo", "a b/c")
    assert hub.state().log == []


SHARD = {"rows": 1, "bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"rows": None}, "'rows' is null, expected a valid integer"),
        (
            {"shards": [{**SHARD, "path": "../../evil.parquet"}]},
            "lists the shard '../../evil.parquet'; expected data/",
        ),
        (
            {"shards": [{**SHARD, "path": "data/train-00000-of-00003.parquet"}]},
            "is not what its manifest says",
        ),
    ],
)
def test_a_manifest_that_was_changed_by_hand_brings_nothing_and_ends_in_a_clear_error(
    hub, writer, features, tmp_path, manifest, expected
):
    writer("publish", features.folder, "--repo", "org/set")
    changed = json.dumps({**json.loads((features.folder / "feature_set.json").read_text()), **manifest})
    body = changed.ljust((features.folder / "feature_set.json").stat().st_size)  # the client compares sizes
    hub.fail({"method": "GET", "path": "feature_set.json", "status": 200, "body": body, "times": 9})
    done = writer("pull", "org/set", "--out", tmp_path / "g")
    assert done.code == 1, done.err
    assert expected in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.rglob("evil*"))
    assert not (tmp_path / "g" / "feature_set.json").exists()


def test_a_repository_that_is_not_ours_is_not_pulled(hub, writer, tmp_path):
    hub.fail()
    told = writer("pull", "org/none", "--out", tmp_path / "g").err
    assert "There is no such user, organization, repository or revision" in told


def test_what_goes_to_lfs_is_what_the_hubs_own_rules_send_there(hub, writer, features):
    row = {
        "metric": "zero_shot_recall",
        "split": "test",
        "k": 20,
        "value": 0.1,
        "users": 9,
        "transform": "auto",
    }
    rows = [{**row, "feature_set": "f" * 60, "space": f"{'x' * 200}{number}"} for number in range(60)]
    rows.append({**row, "feature_set": "f", "space": "x_image"})
    (features.folder / "scores.json").write_text(json.dumps({"scores": rows}) + " " * 11_000_000)
    done = writer("publish", features.folder, "--repo", "org/set")
    assert done.code == 0, done.err
    assert (features.folder / "README.md").stat().st_size > 10_000
    sent = {path.rpartition("/")[2] for method, path, *_ in hub.state().log if method == "PUT"}
    held = hub.repo().files["main"]
    packed = {name for name, sha256 in held.items() if sha256 in sent}
    assert packed == {"scores.json", "scores.png", *(name for name in held if name.startswith("data/"))}
    assert hub.state().repos["datasets/org/set"]["attributes"]["main"] is not None  # the Hub's own file stays
