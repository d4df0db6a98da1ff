"""However a command ends, it ends in a paragraph and an exit code; a folder that is not what it was is noticed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

import featurizer as fz
from featurizer.errors import InputError, StaleOutput
from tests.release.sets import make_set
from tests.support.program import run_program


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    (tmp_path / "items.csv").write_text("id,title\na,Red cup\nb,Blue cup\n")
    return lambda *arguments: run_program(monkeypatch, capsys, *arguments)


def test_a_store_that_ends_with_the_command_is_refused(call):
    code, out, err = call("ingest", "items.csv", "--out", "memory://c")
    assert (code, out) == (1, "")
    assert "memory://c would be gone when this command ends" in err


@pytest.mark.parametrize(
    "fault",
    [
        ValueError("odd"),
        OverflowError("too large"),
        RecursionError("too deep"),
        ImportError("no module named x"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        pa.ArrowInvalid("no Parquet"),
        KeyError("rows"),
        ZeroDivisionError("division by zero\nin two lines"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_of_the_program_is_one_paragraph_that_says_so(call, monkeypatch, fault):
    def broken(*_):
        raise fault

    monkeypatch.setattr("featurizer.cli.command.execute", broken)
    code, out, err = call("ingest", "items.csv", "--out", "c")
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith(f"error: {type(fault).__name__} at test_failures.py:")
    assert "a fault of the program" in err
    with pytest.raises(type(fault)):
        call("ingest", "items.csv", "--out", "c", "--debug")


@pytest.mark.parametrize(
    "twice",
    [
        ["--out", "c", "--out", "d"],
        ["--out", "c", "-o", "d"],
        ["--out", "c", "--seed", "1", "--seed=2"],
        ["--out", "c", "--overwrite", "--overwrite"],
    ],
)
def test_an_option_given_twice_is_refused_not_overridden(call, tmp_path, twice):
    code, _, err = call("ingest", "items.csv", *twice)
    assert code == 2
    assert "is given 2 times; expected it once" in err
    assert not (tmp_path / "c").exists()


def test_former_spellings_still_work_and_help_does_not_show_them(call):
    assert call("ingest", "items.csv", "--licence", "CC0-1.0", "--out", "c")[0] == 0
    assert call("ingest", "items.csv", "--licence=CC0-1.0", "--out", "c")[0] == 0
    assert fz.ingest("items.csv", licence="CC0-1.0", out="c").manifest.source.license == "CC0-1.0"
    assert "licence" not in call("ingest", "--help")[1]


def test_k_core_needs_interactions_to_count(call):
    code, _, err = call("ingest", "items.csv", "--k-core", "5", "--out", "c")
    assert code == 1
    assert "k-core 5 needs interactions to count, and none are given" in err


def test_most_pictures_failed_is_exit_3_unless_so_many_are_allowed(call, tmp_path):
    (tmp_path / "broken.csv").write_text("id,title,image\na,Cup,gone.jpg\nb,Mug,gone.png\nc,Jar,\n")
    code, out, err = call("ingest", "broken.csv", "--out", "c")
    assert code == 3
    assert "2 missing_file" in out
    assert "2 of 2 pictures failed, more than the 1 allowed (--max-failures)" in err
    assert call("ingest", "broken.csv", "--out", "c", "--max-failures", "2")[0] == 0


def test_a_report_of_a_catalog_alone_is_refused(call):
    assert call("ingest", "items.csv", "--out", "c")[0] == 0
    code, _, err = call("report", "c")
    assert code == 1
    assert "nothing to show but a catalog" in err


def test_options_that_every_command_has_stand_before_it_and_after_it(call):
    assert call("ingest", "items.csv", "--out", "c")[0] == 0
    for arguments in (("--json", "inspect", "c"), ("inspect", "c", "--json"), ("inspect", "--json", "c")):
        code, out, _ = call(*arguments)
        assert code == 0
        assert json.loads(out)["rows"] == 2
    assert call("inspect", "c")[1].startswith("catalog c: 2 items")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "x_image.npy").unlink(), "x_image.npy is missing"),
        (lambda folder: (folder / "x_image.npy").write_bytes(b"short"), "x_image.npy holds 5 bytes, not"),
    ],
)
def test_a_damaged_folder_is_noticed_and_made_again_where_asked_for(tmp_path, damage, told):
    made = make_set(tmp_path / "f")
    given = {"format": "npy", "out": tmp_path / "out"}
    fz.export(made.folder, **given)
    whole = (tmp_path / "out" / "x_image.npy").read_bytes()
    damage(tmp_path / "out")
    with pytest.raises(StaleOutput, match=told):
        fz.export(made.folder, **given)
    fz.export(made.folder, overwrite=True, **given)
    assert (tmp_path / "out" / "x_image.npy").read_bytes() == whole


def test_a_foreign_file_among_a_sets_shards_is_noticed(tmp_path):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    back = fz.import_vectors(tmp_path / "out", format="npy", out=tmp_path / "g")
    (back.folder / "notes.txt").write_text("mine")
    fz.import_vectors(tmp_path / "out", format="npy", out=tmp_path / "g")
    (back.folder / "data" / "extra.parquet").write_bytes(b"")
    with pytest.raises(StaleOutput, match=r"data/extra.parquet was not put there by this command"):
        fz.import_vectors(tmp_path / "out", format="npy", out=tmp_path / "g")


def test_a_damaged_state_file_is_a_clear_error(tmp_path):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    state = tmp_path / "out" / ".featurizer" / "export.json"
    for text, told in (("{}", "field request"), ("[", "cannot be read as JSON")):
        state.write_text(text)
        with pytest.raises(InputError, match=told):
            fz.export(made.folder, format="npy", out=tmp_path / "out")
    state.unlink()
    assert fz.export(made.folder, format="npy", out=tmp_path / "out").about.rows == 6


def test_overwrite_makes_a_finished_folder_again(tmp_path):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    before = (tmp_path / "out" / "x_image.npy").stat().st_mtime_ns
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    assert (tmp_path / "out" / "x_image.npy").stat().st_mtime_ns == before
    fz.export(made.folder, format="npy", out=tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "x_image.npy").stat().st_mtime_ns > before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_with_130_and_a_sentence(tmp_path, number):
    code = (
        "import sys, time; sys.argv = ['featurizer', 'doctor']\n"
        "import featurizer.operations.machine as machine\n"
        "def wait(): print('waiting', flush=True); time.sleep(60); yield\n"
        "machine.examine = wait\n"
        "from featurizer.cli.app import main\nmain()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert child.stdout.readline() == "waiting\n"
    time.sleep(0.2)
    child.send_signal(number)
    _, talk = child.communicate(timeout=60)
    assert child.returncode == 130
    assert talk == "error: interrupted; what is finished is kept. Run the same command again to go on.\n"


def test_two_runs_into_one_folder_do_not_mix(tmp_path):
    (tmp_path / "items.csv").write_text("id,title\na,Red cup\nb,Blue cup\n")
    code = (
        "import sys, time\nimport featurizer as fz\nimport featurizer.catalog.ingest as module\n"
        "whole = module.build_catalog\n"
        "def slow(*a, **k): print('writing', flush=True); sys.stdin.readline(); return whole(*a, **k)\n"
        "module.build_catalog = slow\nfz.ingest('items.csv', out='c')"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert first.stdout.readline() == "writing\n"
    given = [
        sys.executable,
        "-m",
        "featurizer",
        "ingest",
        str(tmp_path / "items.csv"),
        "--out",
        str(tmp_path / "c"),
    ]
    second = subprocess.run(given, capture_output=True, text=True)
    assert second.returncode == 1
    assert f"is being written by process {first.pid}" in second.stderr
    assert "--wait" in second.stderr
    waiting = subprocess.Popen(
        [*given, "--wait", "60"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)
    first.communicate("go\n", timeout=60)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, first.returncode) == (0, 0), err
    assert "2 items" in out
    assert "is finished already: nothing to do" in err


def test_an_input_that_is_not_there_is_refused_though_the_result_is_finished(tmp_path):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    with pytest.raises(InputError, match="nowhere is no folder"):
        fz.export(tmp_path / "nowhere", format="npy", out=tmp_path / "out")


@pytest.mark.parametrize("name", ["feature_set.json", ".featurizer/import.json"])
def test_overwrite_makes_again_what_cannot_be_read(tmp_path, name):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    given = {"format": "npy", "out": tmp_path / "g"}
    back = fz.import_vectors(tmp_path / "out", **given)
    (back.folder / name).write_text("{")
    with pytest.raises(InputError, match=r"cannot be read as JSON"):
        fz.import_vectors(tmp_path / "out", **given)
    assert fz.import_vectors(tmp_path / "out", overwrite=True, **given).rows == 6


def test_content_that_changed_at_equal_size_is_noticed(tmp_path, monkeypatch, capsys):
    made = make_set(tmp_path / "f")
    fz.export(made.folder, format="npy", out=tmp_path / "out")
    (tmp_path / "out" / "export.json").write_text(
        (tmp_path / "out" / "export.json").read_text().replace("npy", "npx", 1)
    )
    with pytest.raises(StaleOutput, match="its content is not what was made"):
        fz.export(made.folder, format="npy", out=tmp_path / "out")


def test_torchruns_environment_lets_nobody_else_share_a_folder(tmp_path, monkeypatch):
    from featurizer.operations.execute import _sole_writer
    from featurizer.operations.ingest import Ingest
    from featurizer.results.locks import is_locked_alone

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    operation = Ingest(path="items.csv", out=tmp_path / "c")
    with _sole_writer(operation):
        assert is_locked_alone(operation.out)
    (tmp_path / "items.csv").write_text("id,title\na,Red cup\n")
    fz.ingest(tmp_path / "items.csv", out=tmp_path / "c")
    assert (tmp_path / "c" / ".featurizer" / "ingest.json").exists()


def test_half_of_the_pictures_may_fail_and_one_more_may_not(call, tmp_path):
    from PIL import Image

    for name in "ab":
        Image.new("RGB", (9, 9), "red").save(tmp_path / f"{name}.png")
    rows = ["a,a.png", "b,b.png", "c,gone.png", "d,lost.png"]
    (tmp_path / "half.csv").write_text("\n".join(["id,image", *rows]))
    (tmp_path / "most.csv").write_text("\n".join(["id,image", rows[0], "b,no.png", *rows[2:]]))
    assert call("ingest", "half.csv", "--out", "h")[0] == 0
    assert call("ingest", "most.csv", "--out", "m")[0] == 3


def test_a_recipe_whose_pictures_failed_ends_with_3_each_time(call, tmp_path):
    (tmp_path / "broken.csv").write_text("id,title,image\na,Cup,gone.jpg\n")
    (tmp_path / "r.yaml").write_text("out: o\nsteps: [{name: c, uses: ingest, path: broken.csv}]\n")
    assert call("run", "r.yaml")[0] == 3
    assert call("run", "r.yaml")[0] == 3


def test_an_option_in_its_group_and_beside_it_is_given_twice():
    from featurizer.operations.options import gathered
    from featurizer.operations.train import Train

    with pytest.raises(InputError, match="epochs is given twice, beside training and inside it"):
        gathered(Train, {"epochs": 3, "training": {"epochs": 4}})
    with pytest.raises(InputError, match="license is given twice, as licence too"):
        fz.ingest("items.csv", licence="MIT", license="CC0-1.0", out="c")
    assert gathered(Train, {"options": {"neighbours": 5}}) == gathered(Train, {"neighbors": 5})


def ascii_program(*arguments, encoding="ascii"):
    """Return what the program writes where the terminal has no sign but those of ASCII."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, env=environment, timeout=120, check=False
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


def test_a_terminal_of_ascii_ends_no_command():
    told = "; ".join(
        [
            "from featurizer.cli import console",
            "console.speak_plainly()",
            "console.result('0.5000 ±0.0100 … 3×4 → é 日 \\udcff')",
            "console.result_json({'title': 'é'})",
            "console.say('±')",
        ]
    )
    code, out, err = ascii_program("-c", told)
    first, *json_lines = out.splitlines()
    assert (code, first, err) == (0, "0.5000 +-0.0100 ... 3x4 -> \\xe9 \\u65e5 \\udcff", "+-\n")
    assert json.loads("".join(json_lines)) == {"title": "é"}


def test_an_error_about_a_name_beyond_ascii_is_told_there_too():
    code, _, err = ascii_program("-m", "featurizer", "encoders", "show", "nö±pe")
    assert code == 1
    assert err.startswith("error: unknown encoder 'n\\xf6+-pe'")
