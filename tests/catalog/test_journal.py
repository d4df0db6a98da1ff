import hashlib

from hypothesis import given
from hypothesis import strategies as st

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
        return [journal.add(row, image) for row, image in enumerate(images())]


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
            outcome = journal.add(7, next(images()))
        with Journal(path) as journal:
            assert journal.read(journal.kept[7]) == DATA[0]
            assert journal.kept[7] == outcome


@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_loses_what_comes_after_and_invents_nothing(tmp_path_factory, place, bit):
    path = tmp_path_factory.getbasetemp() / "flipped.journal"
    path.unlink(missing_ok=True)
    outcomes = written(path)
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] ^= 1 << bit
    path.write_bytes(whole)
    with Journal(path) as journal:
        assert list(journal.kept.values()) == outcomes[: len(journal.kept)]


def test_a_removed_journal_is_gone(tmp_path):
    journal = Journal(tmp_path / "p.journal")
    journal.remove()
    assert not [*tmp_path.iterdir()]
