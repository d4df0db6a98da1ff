"""The Hub answers badly at some point: what is said, what a second run does, what never leaks."""

import json
import shutil
import time

import pytest

from featurizer.features.feature_set import FeatureSet
from tests.release.sets import make_set, same_vectors
from tests.release.test_publish import published

SHARD = "data/train-00001-of-00003.parquet"


@pytest.fixture
def features(tmp_path):
    return make_set(tmp_path / "f", shard_rows=2)


def fault(method, path, status=None, **more):
    return {"method": method, "path": path, **({"status": status} if status else {}), **more}


BREAKS = {
    "the account is asked": fault("GET", "whoami"),
    "the repository is looked for": fault("GET", "/api/datasets/org/set$"),
    "the repository is made": fault("POST", "/api/repos/create"),
    "the files are listed": fault("GET", "/tree/"),
    "upload modes are asked": fault("POST", "/preupload/main"),
    "the card is checked": fault("POST", "/validate-yaml"),
    "uploads are announced": fault("POST", "/objects/batch"),
    "the second file is sent": fault("PUT", "/lfs/", skip=1),
    "an upload is confirmed": fault("POST", "/verify"),
    "the branch's commit is read": fault("GET", "/revision/main"),
    "all is committed": fault("POST", "/commit/main"),
    "a file is read back": fault("GET", "/cdn/", skip=2),
    "a tag is made": fault("POST", "/tag/"),
}


@pytest.mark.parametrize("moment", BREAKS)
def test_after_a_refusal_at_any_moment_a_second_run_ends_with_the_same_content(hub, writer, features, moment):
    hub.fail({**BREAKS[moment], "status": 403, "times": 99})
    first = writer("publish", features.folder, "--repo", "org/set", "--tag", "v1")
    assert first.code == 1, first.out
    assert first.err.strip().splitlines()[-1].startswith("error: the Hub could not ")
    assert "Traceback" not in first.err
    state = hub.state()
    repo = state.repos.get("datasets/org/set")
    if repo is not None and moment not in ("a file is read back", "a tag is made"):
        assert not repo["files"]["main"]
    arrived = {path for method, path, status, _ in state.log if (method, status) == ("PUT", 200)}
    hub.fail()
    second = writer("publish", features.folder, "--repo", "org/set", "--tag", "v1", "--json")
    assert second.code == 0, second.err
    assert hub.repo().files["main"] == published(features.folder)
    sent = {path for method, path, *_ in hub.state().log if method == "PUT"}
    assert not sent & arrived
    assert len(sent | arrived) == 3
    assert hub.repo().tags == {"v1": hub.repo().branches["main"]}
    assert sum("README.md" in entry["description"] for entry in hub.repo().history) == 1


NOT_IN_AN_UPDATE = ("the repository is made",)
SEEN_AFTER = ("a file is read back", "a tag is made")
"""Moments at which the branch has moved already."""


@pytest.mark.parametrize("moment", [moment for moment in BREAKS if moment not in NOT_IN_AN_UPDATE])
@pytest.mark.parametrize("status", [403, "lost"])
def test_whatever_breaks_in_an_update_a_reader_gets_one_whole_release(
    hub, writer, features, tmp_path, moment, status
):
    newer = make_set(tmp_path / "newer", shard_rows=2, seed=1)
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    lost = (
        {"status": 403, "after": True} if status == "lost" else {"status": 403}
    )  # done, but its answer is lost
    hub.fail({**BREAKS[moment], **lost, "times": 99})
    update = writer("publish", newer.folder, "--repo", "org/set", "--tag", "v2")
    assert update.code == 1, update.out
    hub.fail()
    assert writer("pull", "org/set", "--out", tmp_path / "g").code == 0
    got = FeatureSet.open(tmp_path / "g")
    moved = moment in SEEN_AFTER or (moment, status) == ("all is committed", "lost")
    same_vectors(newer if moved else features, got)
    assert writer("verify", tmp_path / "g").code == 0
    assert writer("publish", newer.folder, "--repo", "org/set", "--tag", "v2").code == 0
    assert hub.repo().files["main"] == published(newer.folder)


@pytest.mark.parametrize(
    "moment",
    ["the files are listed", "uploads are announced", "the second file is sent", "all is committed"],
)
@pytest.mark.parametrize("status", [429, 500, "drop"])
def test_what_passes_is_waited_for_in_one_run(hub, writer, features, moment, status):
    how = {"drop_after": 100} if status == "drop" else {"status": status, "headers": {"Retry-After": "7"}}
    hub.fail({**BREAKS[moment], **how, "times": 1})
    done = writer("publish", features.folder, "--repo", "org/set", "--tag", "v1")
    assert done.code == 0, done.err
    assert hub.repo().files["main"] == published(features.folder)
    assert done.slept
    if status == 429:
        assert 7 <= max(done.slept) <= 8  # huggingface_hub adds a second to what it is told
    puts = [path for method, path, code, _ in hub.state().log if method == "PUT" and code == 200]
    assert len(puts) == len(set(puts)) == 3


def test_a_connection_that_breaks_in_the_middle_of_a_file_sends_that_file_alone_again(hub, writer, features):
    hub.fail(fault("PUT", "/lfs/", drop_after=1000, times=1))
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    statuses = [status for method, _, status, _ in hub.state().log if method == "PUT"]
    assert sorted(map(str, statuses)) == ["200", "200", "200", "dropped"]


def test_a_commit_that_arrived_but_whose_answer_was_lost_is_not_made_twice(hub, writer, features):
    hub.fail(fault("POST", "/commit/main", 504, after=True))
    done = writer("publish", features.folder, "--repo", "org/set", "--json")
    assert done.code == 0, done.err
    titles = [entry["title"] for entry in hub.repo().history]
    assert len(titles) == len(set(titles)) == 2
    assert json.loads(done.out)["commit"] == hub.repo().branches["main"]


def test_somebody_elses_commit_in_progress_is_waited_for(hub, writer, features):
    hub.fail(fault("POST", "/commit/main", 409, times=2))
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    assert hub.repo().files["main"] == published(features.folder)


def test_a_long_wait_is_capped_and_a_hub_that_stays_away_is_given_up(hub, writer, features):
    hub.fail(fault("POST", "/commit/main", 429, headers={"Retry-After": "999999"}, times=99))
    done = writer("publish", features.folder, "--repo", "org/set")
    assert done.code == 1
    assert done.slept == [300.0] * 4
    assert "Run the same command again: what has arrived is kept" in done.err


@pytest.mark.parametrize(
    ("token", "repo", "expected"),
    [
        ("", "org/set", "no token for the Hub; expected one in the environment variable HF_TOKEN"),
        ("hf_wrong", "org/set", "The token is not accepted"),
        ("hf_reader", "org/set", "The token of bob, org may not do this there"),
        ("hf_writer", "nowhere/set", "There is no such user, organization, repository or revision"),
        ("hf_writer", "other/set", "The token of ann, org may not do this there"),
    ],
)
def test_who_may_not_publish_is_told_why_and_the_token_is_told_nobody(
    hub, writer, features, token, repo, expected
):
    done = writer("publish", features.folder, "--repo", repo, token=token)
    assert done.code == 1
    assert expected in done.err
    assert "Traceback" not in done.err
    assert not token or token not in done.out + done.err


def test_a_token_is_in_no_output_and_no_file_however_much_is_told(hub, alone, features, tmp_path):
    token = "hf_verySecretTokenOfNobody"
    hub.fail(
        fault("GET", "whoami", 500, body=f'{{"error": "Bearer {token} is {token}"}}', times=1),
        fault("GET", "whoami", 403, body=f"{token}", headers={"X-Error-Message": f"no {token}"}, times=9),
    )
    done = alone(
        "--debug", "-vv", "publish", features.folder, "--repo", "org/set",
        token=token, FEATURIZER_RETRY_WAIT="0.01", HF_DEBUG="1",
    )  # fmt: skip
    assert done.returncode == 1
    assert token not in done.stdout + done.stderr
    assert "<token>" in done.stderr
    for folder in (features.folder, tmp_path):
        for path in folder.rglob("*"):
            assert not path.is_file() or token.encode() not in path.read_bytes(), path


def test_a_file_that_changes_while_the_set_is_published_is_refused(features):
    from featurizer.errors import InputError
    from featurizer.release.plan import plan_set

    plan = plan_set(features, "org/set")
    assert repr(plan).startswith("Plan(org/set, dataset: 6 files, ")
    features.shards[1].write_bytes(features.shards[1].read_bytes() + b"x")
    plan.files[0].check_unchanged()
    with pytest.raises(InputError, match=r"00001-of-00003\.parquet changed after it was verified"):
        plan.files[1].check_unchanged()
    features.shards[1].unlink()
    with pytest.raises(InputError, match="is gone"):
        plan.files[1].check_unchanged()


def test_a_card_that_the_hub_refuses_is_told_in_its_words(hub, writer, features):
    hub.fail(
        fault("POST", "validate-yaml", 400, body='{"errors": [{"message": "bad license"}], "warnings": []}')
    )
    done = writer("publish", features.folder, "--repo", "org/set")
    assert done.code == 1
    assert "bad license" in done.err


def test_a_hub_that_gives_other_bytes_back_is_found_out(hub, writer, features):
    hub.fail(
        {"method": "GET", "path": "/cdn/", "status": 200, "body": "x" * features.shards[0].stat().st_size}
    )
    done = writer("publish", features.folder, "--repo", "org/set")
    assert done.code == 1
    assert "came back with another content than was sent" in done.err


def test_a_published_set_whose_shard_was_changed_by_hand_is_not_pulled(hub, writer, features, tmp_path):
    writer("publish", features.folder, "--repo", "org/set")
    hub.fail(
        {"method": "GET", "path": "/cdn/", "status": 200, "body": "x" * features.shards[0].stat().st_size}
    )
    done = writer("pull", "org/set", "--out", tmp_path / "g")
    assert done.code == 1
    assert "is not what its manifest says" in done.err
    assert not (tmp_path / "g" / "feature_set.json").exists()
    shutil.rmtree(tmp_path / "g")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_update_killed_at_any_instant_leaves_one_whole_release(hub, writer, features, tmp_path, killable):
    newer = make_set(tmp_path / "newer", shard_rows=2, seed=1)
    assert writer("publish", features.folder, "--repo", "org/first", "--no-check").code == 0
    hub.fail()
    assert writer("publish", newer.folder, "--repo", "org/first", "--no-check").code == 0
    requests = len(hub.state().log)
    seen = set()
    for part in range(20):
        name = f"org/set{part}"
        assert writer("publish", features.folder, "--repo", name, "--no-check").code == 0
        hub.fail()  # the log begins anew
        running = killable("publish", newer.folder, "--repo", name, "--no-check")
        while running.poll() is None and len(hub.state().log) < 1 + part * requests // 20:
            time.sleep(0.002)
        running.kill()
        running.wait()
        out = tmp_path / str(part)
        done = writer("pull", name, "--out", out)
        assert done.code == 0, done.err
        got = FeatureSet.open(out)
        after = got.manifest.shards == newer.manifest.shards
        same_vectors(newer if after else features, got)
        seen.add(after)
    assert False in seen
    assert writer("publish", newer.folder, "--repo", name).code == 0
    assert hub.repo(f"datasets/{name}").files["main"] == published(newer.folder)
