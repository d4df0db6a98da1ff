import errno
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from featurizer.errors import FolderBusy, OutputError
from featurizer.results import locks
from featurizer.results.files import read_json
from featurizer.results.locks import LOCK_FILE, is_locked_alone, writing
from featurizer.results.stage import Stage, refuse_foreign
from tests.support.killed import killed_while_writing
from tests.support.other_process import SCRIPT, Other, other


def enter(folder, fingerprint="one", **options):
    with writing(folder, fingerprint=fingerprint, **options):
        return True


def test_a_second_run_is_refused_and_told_who_holds_the_folder(tmp_path):
    with other(tmp_path / "out") as first, pytest.raises(FolderBusy) as refused:
        enter(tmp_path / "out")
    message = str(refused.value)
    assert f"process {first.process.pid} on {socket.gethostname()} since 20" in message
    assert "-c" in message
    assert "--wait" in message
    assert "another --out" in message
    assert "hidden" not in message


def test_the_file_says_in_json_who_holds_the_folder(tmp_path):
    with other(tmp_path, "f1") as first:
        held = read_json(tmp_path / LOCK_FILE)
    assert list(held) == ["pid", "host", "command", "since", "fingerprint", "shared"]
    assert (held["pid"], held["fingerprint"], held["shared"]) == (first.process.pid, "f1", False)


def test_a_run_refuses_another_process_in_its_turn(tmp_path):
    with writing(tmp_path, fingerprint="one"):
        assert f"process {os.getpid()} " in Other(tmp_path).refusal()


def test_a_folder_that_was_left_is_free_and_holds_nothing_of_the_lock(tmp_path):
    with other(tmp_path) as first:
        first.leave()
    assert not list(tmp_path.iterdir())
    assert enter(tmp_path)
    assert not list(tmp_path.iterdir())


def test_processes_of_one_fingerprint_share_a_folder(tmp_path):
    with (
        other(tmp_path, shared=True) as first,
        other(tmp_path, shared=True),
        writing(tmp_path, fingerprint="one", shared=True),
    ):
        first.leave()
        assert "is being written by" in Other(tmp_path, "two", shared=True).refusal()


def test_a_shared_folder_is_refused_to_another_fingerprint_and_to_a_run_alone(tmp_path):
    with other(tmp_path, shared=True) as first:
        with pytest.raises(FolderBusy, match=f"process {first.process.pid} "):
            enter(tmp_path, "two", shared=True)
        with pytest.raises(FolderBusy, match=f"process {first.process.pid} "):
            enter(tmp_path)


def test_a_run_alone_is_not_joined_by_one_that_would_share(tmp_path):
    with other(tmp_path), pytest.raises(FolderBusy):
        enter(tmp_path, shared=True)


def test_of_those_that_share_the_message_names_one_that_is_still_there(tmp_path):
    with other(tmp_path, shared=True) as first, other(tmp_path, shared=True) as second:
        first.leave()
        with pytest.raises(FolderBusy, match=f"process {second.process.pid} "):
            enter(tmp_path)


def test_the_last_of_those_that_share_removes_the_file(tmp_path):
    with other(tmp_path, shared=True) as first, other(tmp_path, shared=True) as second:
        first.leave()
        assert (tmp_path / LOCK_FILE).exists()
        second.leave()
    assert not (tmp_path / LOCK_FILE).exists()


@pytest.mark.parametrize("shared", [True, False])
def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, shared):
    with other(tmp_path, "dead", shared=shared) as first:
        first.kill()
        assert read_json(tmp_path / LOCK_FILE)["fingerprint"] == "dead"
        with writing(tmp_path, fingerprint="one", shared=shared):
            assert read_json(tmp_path / LOCK_FILE)["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]\n", '{"pid": 1}\n', "\xff"])
def test_a_damaged_file_of_a_dead_process_does_not_confuse(tmp_path, content):
    (tmp_path / LOCK_FILE).write_text(content, "latin-1")
    assert enter(tmp_path, shared=True)
    (tmp_path / LOCK_FILE).write_text(content, "latin-1")
    assert enter(tmp_path)


@pytest.mark.parametrize("wait", [30, math.inf])
def test_a_run_that_waits_begins_when_the_first_has_ended(tmp_path, wait):
    with other(tmp_path) as first:
        second = Other(tmp_path, wait=wait)
        time.sleep(0.6)
        assert second.process.poll() is None
        first.leave()
        assert second.said() == "in"
        second.leave()


def test_a_run_that_waits_begins_when_the_first_is_killed(tmp_path):
    with other(tmp_path) as first:
        second = Other(tmp_path, wait=30)
        time.sleep(0.6)
        first.kill()
        assert second.said() == "in"
        second.leave()


def test_waiting_ends_after_the_seconds_asked_for(tmp_path):
    begun = time.monotonic()
    with other(tmp_path), pytest.raises(FolderBusy):
        enter(tmp_path, wait=1)
    assert 1 <= time.monotonic() - begun < 20


def test_eight_processes_that_wait_are_in_one_after_another(tmp_path):
    script = SCRIPT.replace(
        "sys.stdin.readline()",
        "import os, time; log = Path(folder).with_name('log'); line = f'{os.getpid()}\\n'\n"
        "        [(log.open('a').write(line), time.sleep(.01)) for _ in range(5)]",
    )
    given = [sys.executable, "-c", script, str(tmp_path / "out"), "one", "alone", "inf"]
    processes = [subprocess.Popen(given, stdout=subprocess.DEVNULL) for _ in range(8)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 8
    lines = (tmp_path / "log").read_text().split()
    assert len(lines) == 40
    assert all(len(set(lines[start : start + 5])) == 1 for start in range(0, 40, 5))
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("shared", [True, False])
def test_one_process_that_takes_a_folder_twice_is_a_fault_of_the_program(tmp_path, shared):
    with (
        writing(tmp_path, fingerprint="one", shared=shared),
        pytest.raises(RuntimeError, match="held by this process already"),
    ):
        enter(tmp_path / "." / "x" / "..", shared=shared)
    assert enter(tmp_path)


def test_a_folder_in_another_that_is_held_is_another_folder(tmp_path):
    with writing(tmp_path, fingerprint="one"), writing(tmp_path / "model", fingerprint="two"):
        assert is_locked_alone(tmp_path)


def test_a_folder_below_one_that_is_held_alone_is_written_by_nobody_else(tmp_path):
    with writing(tmp_path, fingerprint="one"):
        assert is_locked_alone(tmp_path / "model" / "x")
        assert not is_locked_alone(tmp_path.parent)
    with writing(tmp_path, fingerprint="one", shared=True):
        assert not is_locked_alone(tmp_path)
    assert not is_locked_alone(tmp_path)


def test_a_run_that_is_alone_removes_what_another_host_was_writing(tmp_path):
    stage = Stage(tmp_path / "out", "done.json", {}, ("data",))
    stage.claim(overwrite=False)
    killed_while_writing(tmp_path / "out" / "data" / "part")
    (left,) = (tmp_path / "out" / "data").iterdir()
    stem, _, rest = left.name.partition("-")
    elsewhere = left.rename(left.with_name(f"{stem}-{'0' * 6}{rest[6:]}"))
    stage.claim(overwrite=False)
    assert elsewhere.exists()
    with writing(tmp_path / "out", fingerprint="one"):
        stage.claim(overwrite=False)
    assert not elsewhere.exists()


def test_a_folder_that_nothing_was_written_into_is_removed_with_those_made_for_it(tmp_path):
    with writing(tmp_path / "runs" / "a" / "b", fingerprint="one"):
        assert (tmp_path / "runs" / "a" / "b" / LOCK_FILE).exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_written_into_stays(tmp_path):
    with writing(tmp_path / "runs" / "a", fingerprint="one"):
        (tmp_path / "runs" / "a" / "result").touch()
    assert [path.name for path in (tmp_path / "runs" / "a").iterdir()] == ["result"]


def test_a_folder_that_is_removed_while_it_is_held_is_left_without_complaint(tmp_path):
    with writing(tmp_path / "a", fingerprint="one"):
        (tmp_path / "a" / LOCK_FILE).unlink()
        (tmp_path / "a").rmdir()
    assert not list(tmp_path.iterdir())


def test_the_lock_is_not_taken_for_somebody_elses_file(tmp_path):
    with writing(tmp_path, fingerprint="one"):
        refuse_foreign(tmp_path, "done.json")


def test_an_error_of_the_run_leaves_the_folder_free(tmp_path):
    with pytest.raises(KeyError), writing(tmp_path, fingerprint="one"):
        raise KeyError
    assert enter(tmp_path)


@pytest.mark.parametrize("below", [".", "a"])
def test_a_file_in_the_place_of_the_folder_is_a_clear_error(tmp_path, below):
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match=r"a file is in its place, expected a folder"):
        enter(tmp_path / "out" / below)


def test_a_file_system_without_locks_is_a_clear_error(tmp_path, monkeypatch):
    def flock(file, kind):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with pytest.raises(OutputError, match=r"knows no locks.*another disk"):
        enter(tmp_path / "out")


# lance, where another test has imported it, warns of every fork
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_frees_its_folder_though_a_forked_child_goes_on(tmp_path):
    with writing(tmp_path, fingerprint="one"):
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
    try:
        with other(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_each_of_those_that_share_has_a_line_of_json(tmp_path):
    with writing(tmp_path, fingerprint="one", shared=True), other(tmp_path, shared=True) as second:
        lines = [json.loads(line) for line in (tmp_path / LOCK_FILE).read_text("utf-8").splitlines()]
    assert [line["pid"] for line in lines] == [os.getpid(), second.process.pid]
