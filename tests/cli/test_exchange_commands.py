"""`export`, `import` and `diff` as a user runs them: in this process, through the same `main`."""

import json
import signal
import sys
from types import SimpleNamespace

import pytest

from tests.release.sets import make_set


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    from featurizer.cli.app import main

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["featurizer", *map(str, arguments)])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=stopped.value.code or 0, out=out, err=err)

    return run


def test_a_set_goes_out_and_comes_back_and_differs_in_its_provenance_alone(call, tmp_path):
    make_set(tmp_path / "f")
    done = call("export", "f", "--format", "npy", "--out", "out", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["spaces"]["x_image"] == {"file": "x_image.npy", "dim": 3, "missing": 2, "fill": "zero"}
    assert told["files"] == ["item_ids.json", "x_image.npy", "y_text.npy"]
    back = call("import", "out", "--format", "npy", "--out", "g", "--license", "mit", "--json")
    assert json.loads(back.out) == {
        "out": "g", "rows": 6, "spaces": ["x_image", "y_text"], "null": {"x_image": 2, "y_text": 0}
    }  # fmt: skip
    assert (tmp_path / "g" / "README.md").exists()
    found = json.loads(call("diff", "f", "g", "--json").out)
    assert found["same"] is False
    assert {change["key"] for change in found["provenance"]} == {
        "x_image.imported_from", "y_text.imported_from", "source.imported", "source.file", "source.license",
        "source.exported_fingerprint",
    }  # fmt: skip
    assert found["spaces"]["x_image"]["unequal"] == 0
    assert call("verify", "g").code == 0


def test_without_json_the_commands_say_it_in_tables(call, tmp_path):
    make_set(tmp_path / "f")
    make_set(tmp_path / "g", seed=1)
    assert "x_image  x_image.npy" in call("export", "f", "-f", "npy", "-o", "out").out
    assert "6 items" in call("import", "out", "-f", "npy", "-o", "h").out
    equal, other = "every vector of the items and spaces that both hold is equal", call("diff", "f", "g").out
    assert "compared" in other
    assert equal not in other
    assert equal in call("diff", "f", "h").out
    assert "hold the same items" in call("diff", "f", "f").out


def test_a_wrong_format_is_one_line_that_names_the_right_one(call, tmp_path):
    make_set(tmp_path / "f")
    assert "amazon-b" not in call("export", "f", "-f", "wat", "-o", "x").err
    for command in (["export", "f"], ["import", "f"]):
        done = call(*command, "--format", "mmrek", "--out", "out")
        assert done.code == 1
        assert done.err.strip() == "error: unknown format 'mmrek': did you mean mmrec?"


def test_a_dry_run_of_publish_ends_by_saying_that_it_was_one(call, tmp_path):
    make_set(tmp_path / "f")
    call("card", "f", "--license", "CC0-1.0")
    shown = call("publish", "f", "--repo", "org/set", "--dry-run")
    assert shown.code == 0, shown.err
    assert shown.err.endswith(
        "A dry run: nothing was sent. The same command without --dry-run publishes this.\n"
    )
