import errno
import os
import re
import stat
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer.errors import InputError, OutputError
from featurizer.results.files import (
    atomic_path,
    fingerprint,
    read_json,
    remove_leftovers,
    scratch,
    write_json,
)
from tests.support.killed import killed_while_writing

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(config):
    assert fingerprint(config) == fingerprint(dict(reversed(config.items())))


def test_a_fingerprint_changes_with_any_value():
    assert fingerprint({"a": 1, "b": [1]}) != fingerprint({"a": 1, "b": [2]})


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")

    def write_half():
        with atomic_path(path) as partial:
            partial.write_text("half")
            raise InterruptedError

    with pytest.raises(OutputError):
        write_half()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["f"]


def test_two_writers_of_one_file_never_share_a_partial_file(tmp_path):
    with atomic_path(tmp_path / "f") as one, atomic_path(tmp_path / "f") as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert (tmp_path / "f").read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["f"]


def test_a_partial_file_is_named_after_the_file_and_the_process(tmp_path):
    with atomic_path(tmp_path / "f") as partial:
        partial.touch()
        assert re.fullmatch(rf"\.f\.{os.getpid()}-[0-9a-f]{{14}}\.partial", partial.name)


def test_what_a_killed_process_was_writing_is_removed_when_the_file_is_written_again(tmp_path):
    path = tmp_path / "f[1].json"
    killed_while_writing(path)
    killed_while_writing(tmp_path / "g")
    write_json(path, {})
    assert sorted(file.name.partition(".partial")[0].split(".")[:2] for file in tmp_path.iterdir()) == [
        ["", "g"],
        ["f[1]", "json"],
    ]


def test_what_a_live_process_is_writing_stays(tmp_path):
    with atomic_path(tmp_path / "f") as partial:
        partial.write_text("mine")
        write_json(tmp_path / "f", {})
        remove_leftovers(tmp_path.iterdir())
        assert partial.exists()


def test_what_an_earlier_process_of_the_same_number_was_writing_is_removed(tmp_path):
    killed_while_writing(tmp_path / "f")
    (left,) = tmp_path.iterdir()
    left.rename(tmp_path / re.sub(r"\d+-", f"{os.getpid()}-", left.name))
    remove_leftovers(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_what_a_process_of_another_host_is_writing_stays(tmp_path):
    killed_while_writing(tmp_path / "f")
    (left,) = tmp_path.iterdir()
    stem, _, rest = left.name.partition("-")
    elsewhere = left.rename(tmp_path / f"{stem}-{'0' * 6}{rest[6:]}")
    remove_leftovers(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [elsewhere]


def test_a_file_that_only_looks_partial_stays(tmp_path):
    for name in ("meta.json.gz.partial", ".f.partial", ".f.1-abc.partial", "f.json"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 4


def test_a_full_disk_is_an_error_that_says_what_is_kept(tmp_path):
    with (
        pytest.raises(OutputError, match=r"disk is full.*finished parts are kept"),
        atomic_path(tmp_path / "f"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_json_file_round_trips_with_non_ascii(tmp_path):
    write_json(tmp_path / "f.json", {"é": [1, None, "ü"]})
    assert read_json(tmp_path / "f.json") == {"é": [1, None, "ü"]}
    assert "é" in (tmp_path / "f.json").read_text("utf-8")


@pytest.mark.parametrize("content", ["{", "[]", "1"])
def test_a_manifest_that_is_no_object_is_a_clear_error(tmp_path, content):
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(InputError, match=r"f\.json"):
        read_json(tmp_path / "f.json")


def test_nobody_else_may_look_at_what_is_on_its_way_to_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = scratch()
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert stat.S_IMODE(scratch().stat().st_mode) == 0o700
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="another user's, or a link"):
        scratch()
    folder.unlink()
    folder.touch()
    with pytest.raises(OutputError, match="could not write"):
        scratch()
