"""What must not go out is found before anything is sent, and nothing is sent then."""

import json
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featurizer.features.feature_set import FeatureSet
from featurizer.release.plan import Plan, on_disk, plan_set
from featurizer.release.recard import recard
from featurizer.release.scan import exposed
from tests.release.sets import make_set

SECRETS = {
    "https://ann:pass@shop.example/a.jpg": "a login in an address",
    "s3://key:secret@bucket/a": "a login in an address",
    "https://shop.example/a?x=1&X-Amz-Signature=abcdef0123": "a key in an address",
    "hf_" + "a1" * 17: "a token of the Hub",
    "ghp_" + "a1" * 18: "a token of GitHub",
    "AKIA" + "ABCD" * 4: "a key of AWS",
    "sk-" + "a1" * 20: "an API key",
    "xoxb-1234567890-abc": "a token of Slack",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT": "a signed token",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    "file:///srv/shop/a.jpg": "an address on this machine",
}
PLACES = ["/home/alice-private/m", "/Users/alice/m", "/root/m", "C:\\Users\\alice\\m"]
HARMLESS = [
    "https://shop.example/home/mugs",
    "Home > Mugs",
    "s3://bucket/a@b",
    "task-" + "a1" * 20,
    "/homeware/x",
    "/work/life balance",
    "Q:\nA:",
    "https://shop.example/?token=",
]


def told_of(folder):
    return exposed(plan_set(folder, "org/set"))


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_a_manifest_and_among_the_items_and_not_repeated(secret, tmp_path):
    made = make_set(tmp_path / "f")
    recard(made.folder, license=f"from {secret}")
    found = told_of(FeatureSet.open(made.folder))
    what = SECRETS[secret]
    assert any(line.startswith("feature_set.json, line ") and f": {what}: " in line for line in found), found
    assert any(line.startswith("croissant.json, line ") for line in found)
    assert not any(secret in line for line in found)
    ids = make_set(tmp_path / "g", ids=[f"{secret} {row}" for row in range(6)])
    shards = [line for line in told_of(ids) if line.startswith("data/")]
    assert shards == [line for line in shards if f", column item_id: {what}: " in line] != []


@pytest.mark.parametrize("place", PLACES)
def test_a_place_on_this_machine_is_found_in_what_is_said_of_a_set(place, tmp_path):
    made = make_set(tmp_path / "f", source={"name": place, "license": "MIT"})
    assert any(": a path on this machine: " in line for line in told_of(made))


def test_a_path_that_is_here_is_found_whatever_its_folder_is_called(tmp_path):
    made = make_set(tmp_path / "f", source={"name": f"from {tmp_path}/shop", "license": "MIT"})
    assert any(": a path on this machine: " in line for line in told_of(made))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_of_it_is_let_through(text, tmp_path):
    made = make_set(
        tmp_path / "f", source={"name": text, "license": "MIT"}, ids=[f"{text}{row}" for row in range(6)]
    )
    assert told_of(made) == []


def test_this_machine_and_this_users_folder_are_known_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "annas-laptop")
    monkeypatch.setattr(Path, "home", lambda: Path("/export/people/ann"))
    for text in ("made on annas-laptop today", "in /export/people/ann/shop"):
        made = make_set(tmp_path / text[:4], source={"name": text, "license": "MIT"})
        assert any(": this machine's name: " in line for line in told_of(made))


def test_nothing_is_sent_and_a_dry_run_lists_it(hub, writer, tmp_path):
    made = make_set(tmp_path / "f", source={"name": "from /home/alice-private/shop", "license": "MIT"})
    done = writer("publish", made.folder, "--repo", "org/set")
    assert done.code == 1
    assert "would give away what is nobody else's: croissant.json, line" in done.err
    assert "/home/alice-private/shop" not in done.err
    assert hub.state().log == []
    dry = writer("publish", made.folder, "--repo", "org/set", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert {line.partition(",")[0] for line in json.loads(dry.out)["exposed"]} >= {
        "README.md",
        "feature_set.json",
    }
    assert "would be refused: " in dry.err


def test_texts_inside_lists_and_structs_are_looked_at_too(tmp_path):
    secret = "https://ann:pass@shop.example/a.jpg"
    columns = {
        "categories": pa.array([["Mugs"], ["Mugs", secret]]),
        "image": pa.array([{"bytes": b"x", "path": secret}, None]),
        "tree": pa.array([[{"names": [secret]}], []]),
        "size": pa.array([1, 2]),
    }
    pq.write_table(pa.table(columns), tmp_path / "part.parquet")
    file = on_disk(tmp_path / "part.parquet", "items/part.parquet")
    plan = Plan("org/set", "dataset", tmp_path, (file,), "", "")
    assert [line.partition(":")[0] for line in exposed(plan)] == [
        f"items/part.parquet, column {name}" for name in ("categories", "image", "tree")
    ]
