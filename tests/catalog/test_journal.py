import hashlib
import struct
import zlib

import pytest

from featurizer.catalog.journal import Journal
from featurizer.records import FetchedImage

DATA = [b"one", b"second picture", b""]


def images():
    for data in DATA:
        yield FetchedImage(
            "ok" if data else "http_404", data or None, hashlib.sha256(data).hexdigest() if data else None,
            3, 4, attempts=2, path="a.jpg", first=1.5, last=2.5, etag='"x"', last_modified="today",
        )  # fmt: skip


def written(path):
    with Journal(path) as journal:
        return [journal.add((row, 0), image) for row, image in enumerate(images())]


def test_what_was_kept_is_there_after_it_is_opened_again(tmp_path):
    outcomes = written(tmp_path / "p.journal")
    with Journal(tmp_path / "p.journal") as journal:
        assert list(journal.kept.values()) == outcomes
        assert [journal.read(outcome) or b"" for outcome in outcomes] == DATA
        assert (outcomes[0].tries, outcomes[0].first, outcomes[0].etag) == (2, 1.5, '"x"')


def test_wherever_a_journal_is_torn_all_before_is_kept_and_it_goes_on_from_there(tmp_path):
    path = tmp_path / "p.journal"
    outcomes = written(path)
    whole, ends = path.read_bytes(), [outcome.start + outcome.size for outcome in outcomes]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path) as journal:
            assert len(journal.kept) == sum(end <= length for end in ends)
            outcome = journal.add((7, 1), next(images()))
        with Journal(path) as journal:
            assert journal.read(journal.kept[7, 1]) == DATA[0]
            assert journal.kept[7, 1] == outcome


def test_zeros_after_a_loss_of_power_are_cut_away(tmp_path):
    path = tmp_path / "p.journal"
    outcomes = written(path)
    whole, ends = path.read_bytes(), [outcome.start + outcome.size for outcome in outcomes]
    for length in [0, 5, *ends, len(whole) - 20]:
        path.write_bytes(whole[:length] + bytes(4096))
        with Journal(path) as journal:
            assert len(journal.kept) == sum(end <= length for end in ends)
        assert path.stat().st_size == max([0, *(end for end in ends if end <= length)])


@pytest.mark.parametrize("head", [b"{", b"[1]", b"{}", b'{"row":0,"status":"ok","color":1}', b"\xff"])
def test_a_record_of_another_kind_is_cut_away(tmp_path, head):
    path = tmp_path / "p.journal"
    checksum = zlib.crc32(head, zlib.crc32(struct.pack("<II", len(head), 0)))
    path.write_bytes(struct.pack("<III", len(head), 0, checksum) + head)
    with Journal(path) as journal:
        assert journal.kept == {}


def test_a_flipped_bit_loses_what_comes_after_and_invents_nothing(tmp_path):
    path = tmp_path / "p.journal"
    outcomes = written(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with Journal(path) as journal:
            kept = list(journal.kept.values())
            assert kept == outcomes[: len(kept)]
            assert len(kept) < len(outcomes)
            assert [journal.read(outcome) or b"" for outcome in kept] == DATA[: len(kept)]


def test_a_removed_journal_is_gone(tmp_path):
    journal = Journal(tmp_path / "p.journal")
    journal.remove()
    assert not [*tmp_path.iterdir()]
