"""A signature over a folder: any bit that flips, any file that goes or comes, and any other key is said."""

import base64
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from featurizer.errors import InputError
from featurizer.recsys.train import train
from featurizer.release.signing import check_signature, sign_folder
from featurizer.release.verify import verify_folder
from featurizer.results.files import file_sha256
from featurizer.results.stage import Stage
from tests.recsys.toy import small, toy_data
from tests.release.sets import make_set
from tests.support.program import run_program

ENVELOPE = "attestation.intoto.jsonl"


def write_key(path, key=None, encryption=None):
    """Write a private key and its public one beside it, as OpenSSL does; return both paths."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    public = path.with_suffix(".pub.pem")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return write_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="module")
def signed(keys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed") / "f"
    make_set(folder, shard_rows=4)
    sign_folder(folder, "feature set", keys[0])
    return folder


def statement(folder):
    return json.loads(base64.b64decode(json.loads((folder / ENVELOPE).read_text())["payload"]))


def test_what_is_signed_is_an_in_toto_statement_about_every_file(signed):
    said = statement(signed)
    assert (said["_type"], said["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "urn:featurizer:files:v1",
    )
    assert said["predicate"]["kind"] == "feature set"
    assert {one["name"]: one["digest"]["sha256"] for one in said["subject"]} == {
        name: file_sha256(signed / name)
        for name in (
            "data/train-00000-of-00002.parquet",
            "data/train-00001-of-00002.parquet",
            "feature_set.json",
        )
    }


def test_the_same_files_and_key_give_the_same_signature(signed, keys, tmp_path):
    again = shutil.copytree(signed, tmp_path / "f")
    (again / ENVELOPE).unlink()
    assert sign_folder(again, "feature set", keys[0]).read_bytes() == (signed / ENVELOPE).read_bytes()


def test_openssl_makes_the_keys_and_verifies_the_envelope(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    make_set(tmp_path / "f")
    sign_folder(tmp_path / "f", "feature set", private)
    assert check_signature(tmp_path / "f", public) == []
    envelope = json.loads((tmp_path / "f" / ENVELOPE).read_text())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    (tmp_path / "message").write_bytes(
        f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    )  # protocol.md of DSSE
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public]
    files = ["-in", tmp_path / "message", "-sigfile", tmp_path / "sig"]
    assert subprocess.run([*command, *files], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["data/train-00000-of-00002.parquet", "feature_set.json", ENVELOPE])
def test_one_flipped_bit_anywhere_is_said(signed, keys, tmp_path, name):
    folder = shutil.copytree(signed, tmp_path / "f")
    whole = (folder / name).read_bytes()
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        (folder / name).write_bytes(bytes(data))
        assert check_signature(folder, keys[1]), place


def test_files_that_are_missing_added_linked_or_renamed_are_said(signed, keys, tmp_path):
    folder = shutil.copytree(signed, tmp_path / "f")
    shard = folder / "data" / "train-00001-of-00002.parquet"
    (folder / "notes.txt").write_text("")
    assert check_signature(folder, keys[1]) == ["notes.txt was not signed"]
    (folder / "notes.txt").unlink()
    (folder / "data" / ".hidden").write_text("")
    assert check_signature(folder, keys[1]) == ["data/.hidden was not signed"]
    (folder / "data" / ".hidden").unlink()
    shutil.move(shard, tmp_path / "elsewhere")
    assert check_signature(folder, keys[1]) == [f"data/{shard.name} is missing; it was signed"]
    shard.symlink_to(tmp_path / "elsewhere")
    assert check_signature(folder, keys[1]) == [
        f"data/{shard.name} is a link, expected the file that was signed"
    ]
    with pytest.raises(InputError, match="is a link; expected files alone"):
        sign_folder(folder, "feature set", keys[0])


@pytest.mark.parametrize("place", ["more", "data/more"])
def test_a_link_to_a_folder_and_one_to_nowhere_are_said(signed, keys, tmp_path, place):
    folder = shutil.copytree(signed, tmp_path / "f")
    (tmp_path / "elsewhere").mkdir()
    for target in ("elsewhere", "nowhere"):
        (folder / place).symlink_to(tmp_path / target)
        assert check_signature(folder, keys[1]) == [f"{place} was not signed"]
        with pytest.raises(InputError, match="is a link; expected files alone"):
            sign_folder(folder, "feature set", keys[0])
        (folder / place).unlink()


def test_a_signature_goes_with_what_overwrite_replaces_or_a_stage_changes(signed, tmp_path):
    folder = shutil.copytree(signed, tmp_path / "f")
    make_set(folder, shard_rows=4)
    assert (folder / ENVELOPE).exists()
    make_set(folder, seed=1, overwrite=True)
    assert not (folder / ENVELOPE).exists()
    assert verify_folder(folder).problems == ()
    stage = Stage(folder, "feature_set.json", {})
    (folder / ENVELOPE).write_text("")
    stage.reopen()
    assert not (folder / ENVELOPE).exists()


def test_a_signature_over_a_model_goes_when_it_is_trained_anew(keys, tmp_path):
    out = tmp_path / "m"
    train(out, small("bpr", {"dim": 4}, {"epochs": 1}), toy_data(), inputs={})
    for folder in (out / "model", out):
        sign_folder(folder, "model", keys[0])
        assert check_signature(folder, keys[1]) == []
    assert verify_folder(out).problems == verify_folder(out / "model").problems == ()
    train(out, small("bpr", {"dim": 4}, {"epochs": 2}), toy_data(), inputs={}, overwrite=True)
    assert [path.name for path in out.rglob(ENVELOPE)] == []


def test_what_is_local_or_the_hubs_is_not_signed(signed, keys, tmp_path):
    folder = shutil.copytree(signed, tmp_path / "f")
    hubs = (".gitattributes", ".cache/x", ".git/config", "release.json")
    for name in (".featurizer/verify.json", ".featurizer.lock", *hubs):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    assert check_signature(folder, keys[1]) == []


def test_another_key_no_signature_and_a_damaged_one_are_said(signed, keys, tmp_path):
    folder = shutil.copytree(signed, tmp_path / "f")
    _, other = write_key(tmp_path / "other.pem")
    assert "not of this key" in check_signature(folder, other)[0]
    for damaged in (
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"payload": 1}',
        b"[" * 100_000,
        b'{"payload": "", "signatures": []}',
    ):
        (folder / ENVELOPE).write_bytes(damaged)
        assert check_signature(folder, keys[1]) == [
            f"{ENVELOPE}: it is no envelope that 'featurizer verify --sign' writes"
        ]
    (folder / ENVELOPE).unlink()
    assert check_signature(folder, keys[1]) == [f"{ENVELOPE} is missing: the folder is not signed"]


def test_keys_that_are_none_are_clear_errors(signed, keys, tmp_path):
    elliptic = write_key(tmp_path / "ec.pem", ec.generate_private_key(ec.SECP256R1()))
    locked, _ = write_key(tmp_path / "locked.pem", encryption=BestAvailableEncryption(b"secret"))
    (tmp_path / "text.pem").write_text("no key")
    for bad, message in (
        (elliptic[0], "a key of another kind; expected Ed25519"),
        (locked, "is encrypted; expected a key without a passphrase"),
        (keys[1], "is no private key in PEM"),
        (tmp_path / "text.pem", "is no private key in PEM"),
        (tmp_path / "none.pem", "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            sign_folder(signed, "feature set", bad)
    for bad, message in (
        (elliptic[1], "a key of another kind; expected Ed25519"),
        (keys[0], "is no public key in PEM"),
        (tmp_path / "none.pem", "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            check_signature(signed, bad)


def test_the_command_signs_what_is_whole_and_checks_it(keys, tmp_path, monkeypatch, capsys):
    make_set(tmp_path / "f")
    private, public = keys

    def call(*arguments):
        return run_program(monkeypatch, capsys, "verify", tmp_path / "f", *arguments)

    said = f"{tmp_path / 'f'}: 1 problem\n  {ENVELOPE} is missing: the folder is not signed\n"
    assert call("--key", public)[:2] == (1, said)
    assert call("--sign", private, "--key", public)[0] == 1
    code, out, _ = call("--sign", private)
    assert (code, out) == (0, f"{tmp_path / 'f'}: a feature set, as its manifest says, signed\n")
    code, out, _ = call("--key", public)
    assert (code, out) == (0, f"{tmp_path / 'f'}: a feature set, as its manifest says, its signature too\n")
    code, _, err = call()
    assert code == 0
    assert "is not checked: --key PUBLIC checks it" in err
    (tmp_path / "f" / "feature_set.json").unlink()
    (tmp_path / "f" / ENVELOPE).unlink()
    assert call("--sign", private)[0] == 1
    assert not (tmp_path / "f" / ENVELOPE).exists()


def test_a_release_carries_its_signature_and_a_pull_verifies(hub, writer, keys, tmp_path):
    private, public = keys
    features = make_set(tmp_path / "f", shard_rows=4)
    sent = writer("publish", features.folder, "--repo", "org/set", "--sign", private)
    assert sent.code == 0, sent.err
    assert ENVELOPE in hub.repo().files["main"]
    assert writer("verify", features.folder, "--key", public).code == 0
    assert writer("pull", "org/set", "--out", tmp_path / "back").code == 0
    found = writer("verify", tmp_path / "back", "--key", public)
    assert found.code == 0, found.out + found.err
    assert "its signature too" in found.out
    card = tmp_path / "back" / "README.md"
    card.write_text(card.read_text().replace("items", "Items", 1))
    again = writer("verify", tmp_path / "back", "--key", public)
    assert again.code == 1
    assert "README.md is not the file that was signed" in again.out


def test_a_signed_model_with_test_results_verifies_once_it_is_pulled(hub, writer, keys, tmp_path):
    private, public = keys
    train(tmp_path / "m", small("bpr", {"dim": 4}, {"epochs": 1}), toy_data(), inputs={})
    assert writer("card", tmp_path / "m", "--license", "Apache-2.0").code == 0
    sent = writer("publish", tmp_path / "m", "--repo", "org/m", "--benchmark", "org/baby", "--sign", private)
    assert sent.code == 0, sent.err
    assert writer("pull", "org/m", "--model", "--out", tmp_path / "back").code == 0
    found = writer("verify", tmp_path / "back", "--key", public)
    assert found.code == 0, found.out + found.err
    results = tmp_path / "back" / ".eval_results" / "featurizer.yaml"
    results.write_bytes(results.read_bytes() + b"\n")
    again = writer("verify", tmp_path / "back", "--key", public)
    assert ".eval_results/featurizer.yaml is not the file that was signed" in again.out


def test_a_pull_over_a_signed_release_takes_its_signature_away(hub, writer, keys, tmp_path):
    features = make_set(tmp_path / "f")
    assert writer("publish", features.folder, "--repo", "org/set", "--sign", keys[0]).code == 0
    assert writer("pull", "org/set", "--out", tmp_path / "back").code == 0
    make_set(tmp_path / "f", seed=1, overwrite=True)
    assert writer("publish", features.folder, "--repo", "org/set").code == 0
    assert ENVELOPE not in hub.repo().files["main"]
    assert writer("pull", "org/set", "--out", tmp_path / "back", "--overwrite").code == 0
    assert not (tmp_path / "back" / ENVELOPE).exists()


def test_each_problem_has_the_advice_that_mends_it(writer, keys, tmp_path):
    private, public = keys
    folder = make_set(tmp_path / "f").folder
    assert writer("card", folder, "--license", "MIT").code == 0
    assert writer("verify", folder, "--sign", private).code == 0
    planned = writer("publish", folder, "--repo", "org/set", "--dry-run")
    assert f"{ENVELOPE} is not sent" in planned.out + planned.err
    again = writer("card", folder, "--license", "Apache-2.0")
    assert "was signed without what is written now" in again.err
    found = writer("verify", folder, "--key", public)
    assert found.code == 1
    assert f"featurizer verify {folder} --sign KEY" in found.err
    card = folder / "README.md"
    card.write_text(card.read_text().replace("items", "Items", 1))
    assert "Write it again with 'featurizer card'" in writer("verify", folder).err
    next(folder.rglob("*.parquet")).write_bytes(b"PAR1")
    assert "Make it again (the same command with --overwrite)" in writer("verify", folder).err
