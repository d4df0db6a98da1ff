import json
import os
import time

import pytest

from featurizer.errors import FolderBusy
from featurizer.results import store_lock
from featurizer.results.holder import Holder
from featurizer.results.locks import writing
from featurizer.results.store_lock import LOCK_FILE, holding
from featurizer.results.store_path import place

ELSEWHERE = Holder(7, "another-host", "featurizer extract", "2030-01-01 00:00:00 UTC", "f", shared=False)


@pytest.fixture
def folder(bucket):
    return place(bucket) / "out"


@pytest.fixture
def quick(monkeypatch):
    for name, seconds in (("BEAT", 0.1), ("LEASE", 1.0), ("POLL", 0.1)):
        monkeypatch.setattr(store_lock, name, seconds)


def left_by(folder, holder):
    folder.storage.write(str(folder / LOCK_FILE), holder.line().encode())


def test_a_folder_is_held_by_one_and_let_go_at_the_end(folder):
    with writing(folder, fingerprint="f"):
        assert (folder / LOCK_FILE).is_file()
        assert not folder.storage.create(str(folder / LOCK_FILE), b"mine")
    assert not (folder / LOCK_FILE).exists()


def test_whoever_else_holds_it_is_named(folder, quick):
    left_by(folder, ELSEWHERE)
    told = (
        r"is being written by process 7 on another-host since 2030.*If it was killed, --wait 1\.1 is enough"
    )
    with pytest.raises(FolderBusy, match=told), writing(folder, fingerprint="f"):
        pass
    assert json.loads((folder / LOCK_FILE).read_text())["pid"] == 7


def test_a_lock_that_is_not_renewed_is_taken_over_by_who_waits(folder, quick):
    left_by(folder, ELSEWHERE)
    with writing(folder, fingerprint="f", wait=30):
        assert json.loads((folder / LOCK_FILE).read_text().splitlines()[0])["pid"] == os.getpid()
    assert not (folder / LOCK_FILE).exists()


def test_one_that_is_renewed_is_not_taken_over(folder, quick):
    with (
        holding(folder, ELSEWHERE, None),
        pytest.raises(FolderBusy),
        writing(folder, fingerprint="f", wait=3),
    ):
        pass


def test_one_that_is_just_written_in_place_has_nothing_in_it_and_is_held(folder):
    folder.storage.write(str(folder / LOCK_FILE), b"")
    with (
        pytest.raises(FolderBusy, match="being written by another process"),
        writing(folder, fingerprint="f"),
    ):
        pass
    assert (folder / LOCK_FILE).is_file()


def test_a_lock_is_read_as_long_as_it_is_by_then(folder, monkeypatch):
    """Between asking how long it is and reading it, it may have been written anew."""
    left_by(folder, ELSEWHERE)
    monkeypatch.setattr(type(folder.storage), "find", lambda *_: pytest.fail("its length was asked for"))
    assert store_lock._content(folder / LOCK_FILE) == ELSEWHERE.line().encode()


def test_what_a_killed_process_of_this_machine_left_is_taken_over_at_once(folder):
    dead = Holder.this_process("f", shared=False)
    left_by(folder, Holder(os.getpid(), dead.host, "x", "2020-01-01 00:00:00 UTC", "f", shared=False))
    with writing(folder, fingerprint="f"):
        assert "2020" not in (folder / LOCK_FILE).read_text()


def test_a_run_whose_lock_was_taken_over_says_so(folder, quick):
    held = writing(folder, fingerprint="f")
    held.__enter__()
    left_by(folder, ELSEWHERE)
    time.sleep(0.5)
    with pytest.raises(FolderBusy, match="was taken over by another process"):
        held.__exit__(None, None, None)
    assert json.loads((folder / LOCK_FILE).read_text())["pid"] == 7


def test_a_store_that_knows_no_conditions_is_said_to(folder, caplog, monkeypatch):
    driver = type(folder.storage._files)
    monkeypatch.setattr(folder.storage, "_files", _Unconditional(driver(use_listings_cache=False)))
    with writing(folder, fingerprint="f"):
        assert "knows no conditional writes" in caplog.text


class _Unconditional:
    """A driver that puts whatever it is told under which condition."""

    def __init__(self, driver):
        self._driver = driver

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def pipe_file(self, path, data, mode="overwrite"):
        self._driver.pipe_file(path, data)
