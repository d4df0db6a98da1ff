import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer import manifest
from featurizer.errors import InputError, OutputError, StaleOutput
from featurizer.results.stage import Stage, atomic_path, differing_keys, fingerprint, read_json, write_json

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


def test_differing_keys_are_named_with_both_values_and_dotted():
    assert differing_keys({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b (1 there, 3 asked for)"]
    assert differing_keys({"k": [10, 20]}, {"k": [5]}) == ["k ([10, 20] there, [5] asked for)"]


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


def stage(folder, **config):
    return Stage(folder, "done.json", {"a": 1, **config}, ("data", "extra.json"))


def test_a_stage_is_unfinished_until_its_manifest_is_written(tmp_path):
    folder = tmp_path / "out"
    assert stage(folder).claim(overwrite=False) is False
    assert stage(folder).claim(overwrite=False) is False
    stage(folder).finish({"rows": 1})
    assert stage(folder).claim(overwrite=False) is True
    assert read_json(folder / "done.json")["rows"] == 1


@pytest.mark.parametrize("finished", [True, False])
def test_another_configuration_is_stale_and_the_differing_keys_are_named(tmp_path, finished):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    if finished:
        stage(folder).finish({})
    with pytest.raises(StaleOutput, match=r"a \(1 there, 2 asked for\)"):
        stage(folder, a=2).claim(overwrite=False)


def test_overwrite_replaces_a_stage_of_another_configuration(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    (folder / "data").mkdir()
    stage(folder).finish({})
    assert stage(folder, a=2).claim(overwrite=True) is False
    assert not (folder / "data").exists()


def test_overwrite_leaves_what_the_stage_did_not_write(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    stage(folder).finish({})
    (folder / "thesis.tex").touch()
    stage(folder, a=2).claim(overwrite=True)
    assert (folder / "thesis.tex").exists()


def test_overwrite_killed_while_it_removes_goes_on_with_the_next_run(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    (folder / "data").mkdir()
    (folder / "data" / "old").touch()
    stage(folder).finish({})

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(manifest.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        stage(folder, a=2).claim(overwrite=True)
    monkeypatch.undo()
    assert stage(folder, a=2).claim(overwrite=False) is False
    assert not (folder / "data").exists()


def test_overwrite_replaces_a_folder_whose_manifest_is_damaged(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    stage(folder).finish({})
    (folder / "done.json").write_text("{")
    with pytest.raises(InputError, match="JSON"):
        stage(folder).claim(overwrite=False)
    assert stage(folder).claim(overwrite=True) is False


def test_a_mark_left_by_a_kill_after_the_manifest_is_removed(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    mark = (folder / ".stage.json").read_bytes()
    stage(folder).finish({})
    (folder / ".stage.json").write_bytes(mark)
    assert stage(folder).claim(overwrite=False) is True
    assert not (folder / ".stage.json").exists()


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_of_somebody_else_is_never_touched(tmp_path, overwrite):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StaleOutput, match="not empty"):
        stage(tmp_path).claim(overwrite=overwrite)
    assert (tmp_path / "thesis.tex").exists()


def test_a_file_in_the_place_of_the_folder_is_a_clear_error(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="is a file"):
        stage(tmp_path / "out").claim(overwrite=False)
