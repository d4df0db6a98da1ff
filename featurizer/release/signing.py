"""A signature over every file of a result: an in-toto statement in a DSSE envelope, signed with Ed25519, offline.

The envelope is `attestation.intoto.jsonl` beside the files, one line. Its statement (https://in-toto.io/Statement/v1)
lists every file with its sha256; the predicate says what was signed. Both formats are those of
github.com/in-toto/attestation and github.com/secure-systems-lab/dsse. The file must be byte for byte what `sign`
writes, so that a flipped bit in it is noticed as well, where Base64 or JSON would not mind.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import featurizer
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.release.plan import Plan, made
from featurizer.results.files import atomic_path, file_sha256
from featurizer.results.names import RELEASE, SIGNATURE
from featurizer.results.stage import is_local

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:featurizer:files:v1"
"""The predicate: `kind` (of result), `featurizer_version`; the statement's subjects are all files of the folder."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
OF_THE_HUB = (RELEASE, ".gitattributes", ".cache", ".git")
"""What a repository or its client adds at the top; no reader of a result opens it."""
GENERATE = "openssl genpkey -algorithm ed25519 -out KEY.pem; openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"


def sign(files: Mapping[str, str], kind: str, key: Path) -> bytes:
    """Return the envelope over files.

    Args:
        files: sha256 by path in the folder.
        kind: of result: feature set, catalog, model, scores.
        key: a PEM file with an Ed25519 private key.

    Raises:
        InputError: the key is none, or a name is no text.
    """
    private = _private_key(key)
    statement: dict[str, Json] = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": files[name]}} for name in sorted(files)],
        "predicateType": PREDICATE,
        "predicate": {"kind": kind, "featurizer_version": featurizer.__version__},
    }
    try:
        payload = _json(statement)
    except UnicodeEncodeError as error:
        raise InputError(f"a file's name is no text in UTF-8 ({error.object!r}); rename it") from error
    signature = private.sign(_signed_bytes(payload))
    return _envelope(payload, signature, private.public_key())


def sign_folder(folder: Path, kind: str, key: Path) -> Path:
    """Sign every file of a folder, write the envelope beside them and return its path.

    Raises:
        InputError: the key is none, or something in the folder is no file.
    """
    linked = [name for name, path in _inside(folder) if path.is_symlink()]
    if linked:
        raise InputError(f"{folder / linked[0]} is a link; expected files alone. Put the file itself there")
    envelope = sign({name: file_sha256(path) for name, path in _inside(folder)}, kind, key)
    with atomic_path(folder / SIGNATURE) as partial:
        partial.write_bytes(envelope)
    return folder / SIGNATURE


def signed_plan(plan: Plan, key: Path) -> Plan:
    """Return a plan with a signature over all files that the repository will hold; the manifest stays its last.

    Raises:
        InputError: the key is none.
    """
    kind = "feature set" if plan.repo_type == "dataset" else "model"
    envelope = sign({file.path: file.sha256 for file in plan.files}, kind, key)
    return replace(plan, files=(*plan.files[:-1], made(SIGNATURE, envelope), plan.files[-1]))


def check_signature(folder: Path, key: Path) -> list[str]:
    """Return in what a folder is not what was signed, one sentence each; none where it is, byte for byte.

    Args:
        folder: with `attestation.intoto.jsonl`.
        key: a PEM file with the signer's Ed25519 public key.

    Raises:
        InputError: the key is none.
    """
    public = _public_key(key)
    path = folder / SIGNATURE
    if path.is_symlink() or not path.is_file():
        return [f"{SIGNATURE} is missing: the folder is not signed"]
    try:
        signed = _subjects(path.read_bytes(), public)
    except _NotSigned as error:
        return [f"{SIGNATURE}: {error}"]
    return list(_differences(folder, signed))


def _differences(folder: Path, signed: Mapping[str, str]) -> Iterator[str]:
    found = dict(_inside(folder))
    for name in sorted(signed.keys() - found.keys()):
        yield f"{name} is missing; it was signed"
    for name in sorted(found.keys() - signed.keys()):
        yield f"{name} was not signed"
    for name in sorted(found.keys() & signed.keys()):
        if found[name].is_symlink():
            yield f"{name} is a link, expected the file that was signed"
        elif file_sha256(found[name]) != signed[name]:
            yield f"{name} is not the file that was signed"


def _inside(folder: Path) -> list[tuple[str, Path]]:
    """Return what belongs to a result, however deep: not the signature, nor what is local to this machine."""
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        local = inside.parts[0] in (*OF_THE_HUB, SIGNATURE) or any(map(is_local, inside.parts))
        if not local and (path.is_symlink() or not path.is_dir()):
            found.append((inside.as_posix(), path))
    return found


class _NotSigned(Exception):
    """The envelope is not what the key signed."""


def _subjects(written: bytes, key: Ed25519PublicKey) -> dict[str, str]:
    """Return the sha256 of each signed file.

    Raises:
        _NotSigned: the envelope is damaged, or signed by another key.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        envelope = json.loads(written)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    except (ValueError, binascii.Error, KeyError, IndexError, TypeError, RecursionError) as error:
        raise _NotSigned("it is no envelope that 'featurizer verify --sign' writes") from error
    try:
        key.verify(signature, _signed_bytes(payload))
    except InvalidSignature as error:
        raise _NotSigned("the signature is not of this key, or what was signed was changed") from error
    if written != _envelope(payload, signature, key):
        raise _NotSigned("it was changed after it was signed")
    return _listed(payload)


def _listed(payload: bytes) -> dict[str, str]:
    """Read a statement that the key signed; it may still be about something else."""
    try:
        statement = json.loads(payload)
        about = statement["_type"], statement["predicateType"]
        found = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _NotSigned("what was signed is no statement about files") from error
    if about != (STATEMENT, PREDICATE):
        raise _NotSigned(f"what was signed is of another kind: {about[1]}")
    return found


def _signed_bytes(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of a statement: type and payload, each after its length."""
    kind = PAYLOAD_TYPE.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def _envelope(payload: bytes, signature: bytes, key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    keyid = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    signatures: list[Json] = [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}]
    encoded = base64.b64encode(payload).decode()
    return _json({"payload": encoded, "payloadType": PAYLOAD_TYPE, "signatures": signatures}) + b"\n"


def _json(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = _loaded(path, partial(load_pem_private_key, password=None), "private")
    except TypeError as error:
        raise InputError(
            f"{path} is encrypted; expected a key without a passphrase: openssl pkey -in {path.name} -out PLAIN.pem"
        ) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise _other_kind(path)
    return found


def _public_key(path: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    found = _loaded(path, load_pem_public_key, "public")
    if not isinstance(found, Ed25519PublicKey):
        raise _other_kind(path)
    return found


def _loaded(path: Path, load: Callable[[bytes], object], what: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no {what} key in PEM; expected what this writes: {GENERATE}") from error


def _other_kind(path: Path) -> InputError:
    return InputError(f"{path} is a key of another kind; expected Ed25519: {GENERATE}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); expected a key in PEM: {GENERATE}"
        ) from error
