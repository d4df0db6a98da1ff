import pytest

from featurizer.errors import InputError, StaleOutput
from featurizer.results.files import read_json
from featurizer.results.stage import Stage, differing_keys
from tests.support.killed import killed_while_writing


def test_differing_keys_are_named_with_both_values_and_dotted():
    assert differing_keys({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b (1 there, 3 asked for)"]
    assert differing_keys({"k": [10, 20]}, {"k": [5]}) == ["k ([10, 20] there, [5] asked for)"]


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
    (folder / "data").mkdir()
    if finished:
        stage(folder).finish({})
    with pytest.raises(StaleOutput, match=r"a \(1 there, 2 asked for\)"):
        stage(folder, a=2).claim(overwrite=False)


def test_a_run_that_left_nothing_claims_nothing(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    assert stage(folder, a=2).claim(overwrite=False) is False
    assert read_json(folder / ".stage.json")["config"] == {"a": 2}


def test_overwrite_replaces_a_stage_of_another_configuration(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    (folder / "data").mkdir()
    stage(folder).finish({})
    assert stage(folder, a=2).claim(overwrite=True) is False
    assert not (folder / "data").exists()


@pytest.mark.parametrize("finished", [True, False])
def test_overwrite_replaces_a_stage_of_the_same_configuration(tmp_path, finished):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    (folder / "data").mkdir()
    (folder / "data" / "old").touch()
    if finished:
        stage(folder).finish({})
    assert stage(folder).claim(overwrite=True) is False
    assert [path.name for path in folder.iterdir()] == [".stage.json"]
    assert stage(folder).claim(overwrite=False) is False


def test_overwrite_claims_a_folder_that_does_not_exist_yet(tmp_path):
    assert stage(tmp_path / "out").claim(overwrite=True) is False
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".stage.json"]


def test_a_claim_removes_what_a_killed_process_was_writing(tmp_path):
    folder = tmp_path / "out"
    stage(folder).claim(overwrite=False)
    killed_while_writing(folder / "data" / "part")
    assert len(list((folder / "data").iterdir())) == 1
    stage(folder).claim(overwrite=False)
    assert not list((folder / "data").iterdir())


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

    monkeypatch.setattr("shutil.rmtree", killed)
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
