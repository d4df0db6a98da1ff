"""The program as a user runs it: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import featurizer as fz
from featurizer.operations.options import options_of
from featurizer.operations.registry import operation

PROGRAM = [sys.executable, "-m", "featurizer"]


def featurizer(*arguments, cwd=None, **environment):
    own = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **environment}
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=own, timeout=280
    )


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "catalog"
    done = featurizer("download", "sample", "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] > 550
    return folder


@pytest.fixture
def table(tmp_path):
    (tmp_path / "items.csv").write_text("id,title,label\na,Red cup,x\nb,Blue cup,x\nc,Green lamp,y\nd,,y\n")
    return tmp_path


@pytest.fixture
def call(monkeypatch, capsys, table):
    """Run the program in this process, in the folder of `table`: the same `main`, without a second start."""
    from featurizer.cli.app import main

    def run(*arguments):
        monkeypatch.chdir(table)
        monkeypatch.setattr(sys, "argv", ["featurizer", *map(str, arguments)])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, stopped.value.code or 0, out, err)

    return run


def test_an_ingest_with_nothing_to_do_says_so(call, caplog):
    said = "c is finished already: nothing to do"
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    assert said not in caplog.messages
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    assert said in caplog.messages
    assert call("ingest", "items.csv", "--out", "c", "-q").stdout.startswith(
        "Finished already: nothing to do.\nc: "
    )
    assert json.loads(call("ingest", "items.csv", "--out", "c", "--json").stdout)["nothing_to_do"] is True


def test_counts_of_an_update_are_called_its_own_only_where_it_was_made(call, table):
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    (table / "items.csv").write_text("id,title,label\na,Red mug,x\nb,Blue cup,y\nc,Green lamp,y\nd,,y\n")
    counts = "new 0, gone 0, withdrawn 0, text 1, picture 0, fields 1, unchanged 2, unverified 0"
    assert f"  update: {counts}" in call("ingest", "items.csv", "--out", "c", "--update").stdout
    assert f"  last update: {counts}" in call("ingest", "items.csv", "--out", "c").stdout


def test_a_retry_says_how_many_came(call, table):
    (table / "items.csv").write_text("id,image\na,a.png\nb,b.png\n")
    assert call("ingest", "items.csv", "--out", "c").returncode == 3
    Image.new("RGB", (9, 9), "red").save(table / "a.png")
    again = call("ingest", "items.csv", "--out", "c", "--retry-failed")
    assert "  retried: 2 pictures; 1 came, 1 failed again" in again.stdout
    told = json.loads(call("ingest", "items.csv", "--out", "c", "--retry-failed", "--json").stdout)
    assert told["retried"] == {"asked": 1, "came": 0, "failed_again": 1}


def test_one_is_one_item(capsys, monkeypatch):
    from featurizer.cli.console import progress
    from featurizer.progress import Progress

    monkeypatch.delenv("FEATURIZER_QUIET", raising=False)
    with progress() as report:
        report(Progress("catalog", 1))
        report(Progress("unify", 1, 3))
    assert capsys.readouterr().err == "catalog: 1 item\nunify: 1 of 3 items\n"


def test_a_rate_that_would_read_as_zero_is_not_said(capsys, monkeypatch):
    from featurizer.cli.console import progress
    from featurizer.progress import Progress

    monkeypatch.delenv("FEATURIZER_QUIET", raising=False)
    with progress() as report:
        report(Progress("unify", 2, 3))
    assert capsys.readouterr().err == "unify: 2 of 3 items\n"


def test_what_cannot_be_inspected_is_told_what_can_be(call):
    assert (
        "items.csv is no folder; expected what 'featurizer extract' or 'featurizer ingest' wrote"
        in error_of(call("inspect", "items.csv"))
    )


def error_of(done):
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("error: ")
    return message


def test_help_answers_fast_and_imports_no_heavy_library():
    code = (
        "import sys; sys.argv = ['featurizer', '--help']\n"
        "from featurizer.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'open_clip', 'timm', 'numpy', 'pyarrow', 'polars', 'PIL', 'pydantic'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "heavy: []" in done.stderr
    for command in ("download", "ingest", "extract", "inspect", "verify", "encoders", "datasets", "card"):
        assert command in done.stdout


@pytest.mark.parametrize("command", [["encoders"], ["datasets"], ["encoders", "show", "clip"]])
def test_listing_imports_no_torch(command):
    code = (
        f"import sys; sys.argv = ['featurizer', *{command!r}]\n"
        "from featurizer.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('torch:', 'torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "torch: False" in done.stderr, done.stderr


def test_every_command_has_help_with_an_example():
    from featurizer.cli.pages import commands, help_text

    assert len(commands()) == 22
    for command in commands():
        assert f"Example: featurizer {command}" in help_text(command), command


def test_the_sample_becomes_a_feature_set_with_a_real_encoder(sample, tmp_path):
    out = tmp_path / "features"
    made = featurizer("extract", sample, "--encoder", "minilm", "--out", out, "--json")
    assert made.returncode == 0, made.stderr
    summary = json.loads(made.stdout)
    assert summary["spaces"] == ["minilm_text"]
    assert summary["failures"] == {}
    assert summary["null"] == {"minilm_text": 2}
    shown = json.loads(featurizer("inspect", out, "--json").stdout)
    assert shown["rows"] == summary["rows"]
    assert shown["spaces"]["minilm_text"]["dim"] == 384
    assert shown["spaces"]["minilm_text"]["nonfinite"] == 0
    assert shown["failures"] == summary["failures"]
    checked = featurizer("verify", out, "--catalog", sample, "--sample", "5", "--json")
    assert json.loads(checked.stdout) == {"ok": True, "kind": "feature set", "problems": [], "notes": []}
    assert "configs:" in (out / "README.md").read_text()
    stale = featurizer("extract", sample, "--encoder", "minilm", "--dtype", "float16", "--out", out)
    assert "differing" in error_of(stale)
    near = featurizer("inspect", out, "--neighbors", first_id(sample), "--catalog", sample)
    assert "nearest to" in near.stdout


def first_id(catalog):
    import pyarrow.parquet as pq

    return pq.read_table(catalog / "items" / "part-00000.parquet", columns=["item_id"]).column(0)[0].as_py()


def test_ingest_says_what_it_made_and_keeps_labels(call, table):
    done = call("ingest", table / "items.csv", "--out", table / "c", "--license", "CC0-1.0")
    assert done.returncode == 0, done.stderr
    assert "4 items" in done.stdout
    assert "3 with text" in done.stdout
    assert "label" in call("inspect", table / "c").stdout


def test_ingest_with_interactions_splits_them_and_counts_strangers(call, table):
    lines = "user_id,item_id,timestamp\n" + "".join(
        f"u{u},{i},{u * 9 + n}\n" for u in range(3) for n, i in enumerate("abcz")
    )
    (table / "clicks.csv").write_text(lines)
    asked = (
        "ingest",
        table / "items.csv",
        "--interactions",
        table / "clicks.csv",
        "--split",
        "leave-one-out",
    )
    told = call(*asked, "--out", table / "told")
    assert "interactions: users 3, items 4," in told.stdout
    assert "sha256" not in told.stdout
    done = call(*asked, "--out", table / "c", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["interactions"]
    assert (found["train"], found["valid"], found["test"]) == (6, 3, 3)
    assert found["items_without_catalog_row"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract", "c", "--encoder", "clipp", "--out", "o"], "did you mean clip"),
        (["extract", "c", "--encoder", "minilm", "--encoder", "minilm", "--out", "o"], "NAME="),
        (["extract", "nowhere", "--encoder", "minilm", "--out", "o"], "no folder"),
        (["extract", ".", "--encoder", "minilm", "--out", "o"], "holds no catalog.json"),
        (["download", "amazon-2014-babi", "--out", "o"], "did you mean amazon-2014-baby"),
        (["ingest", "nowhere.csv", "--out", "o"], "does not exist"),
        (["ingest", "items.csv", "--title-column", "titel", "--out", "o"], "did you mean title"),
        (["ingest", "twice.csv", "--out", "o"], "repeats an id"),
        (["ingest", "empty.csv", "--out", "o"], "no items"),
        (
            ["ingest", "items.csv", "--text-template", "{labl}", "--out", "o"],
            "unknown field or column in the text template",
        ),
        (["ingest", "items.csv", "--out", "c", "--license", "MIT"], "differing"),
        (["inspect", "nowhere"], "no folder"),
        (["verify", "."], "holds none of catalog.json, feature_set.json"),
        (["verify", "c", "--catalog", "c"], "--catalog is for feature sets"),
        (["encoders", "show", "clap"], "did you mean clip"),
        (["datasets", "show", "sampel"], "did you mean sample"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_1(call, table, arguments, message):
    (table / "twice.csv").write_text("id,title\na,Cup\na,Mug\n")
    (table / "empty.csv").write_text("id,title\n")
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    assert message in error_of(call(*arguments))


def test_a_hub_model_without_network_says_how_to_use_a_local_folder(table):
    assert featurizer("ingest", "items.csv", "--out", "c", cwd=table).returncode == 0
    done = featurizer(
        "extract", "c", "--encoder", "dinov2", "--out", "o", cwd=table, HF_HOME=str(table / "hf")
    )
    message = error_of(done)
    assert "facebook/dinov2-base" in message
    assert ":./" in message


def test_more_failures_than_allowed_exit_with_3(call, table):
    (table / "broken.csv").write_text("id,title,image\na,Cup,missing.jpg\n")
    done = call("ingest", "broken.csv", "--out", "c", "--max-failures", "0")
    assert done.returncode == 3
    assert (table / "c" / "catalog.json").exists()
    assert "1 missing_file" in done.stdout


def test_an_encoder_without_anything_to_read_warns_that_its_space_is_empty(call, table):
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    done = call("extract", "c", "--encoder", "efficientnet-lite0", "--out", "f")
    assert done.returncode == 0
    assert "efficientnet-lite0_image is empty" in done.stderr


@pytest.mark.parametrize("damage", ["{}", "{", '{"rows": 4, "parts": 1}'])
def test_a_damaged_catalog_manifest_is_a_clear_error(call, table, damage):
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    (table / "c" / "catalog.json").write_text(damage)
    assert "catalog.json" in error_of(call("inspect", "c"))


def test_a_damaged_part_names_the_file(call, table):
    assert call("ingest", "items.csv", "--out", "c").returncode == 0
    (table / "c" / "items" / "part-00000.parquet").write_bytes(b"PAR1")
    assert "part-00000.parquet cannot be read" in error_of(call("inspect", "c"))


def test_debug_shows_the_traceback(tmp_path):
    for arguments in (["--debug", "inspect"], ["inspect", "--debug"]):
        assert "Traceback" in featurizer(*arguments, tmp_path / "nowhere").stderr


def test_quiet_says_nothing_but_results(table):
    for number, arguments in enumerate((["--quiet", "ingest"], ["ingest", "--quiet"])):
        done = featurizer(*arguments, "items.csv", "--out", f"c{number}", cwd=table)
        assert done.stderr == ""
        assert "4 items" in done.stdout


def test_an_unreadable_folder_is_a_clear_error(table):
    folder = table / "locked"
    folder.mkdir()
    (folder / "a.jpg").touch()
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("the superuser may read every folder")
        assert "permission" in error_of(featurizer("ingest", "locked", "--out", "c", cwd=table)).lower()
    finally:
        folder.chmod(0o755)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(sample, tmp_path):
    child = subprocess.Popen(
        [
            *PROGRAM,
            "extract",
            str(sample),
            "--encoder",
            "efficientnet-lite0",
            "--shard-rows",
            "32",
            "--out",
            str(tmp_path / "f"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while child.poll() is None and not (tmp_path / "f" / ".stage.json").exists():
        time.sleep(0.05)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    _, talk = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Run the same command again" in talk
    assert "Traceback" not in talk


def test_help_says_between_what_a_number_lies_and_one_may_stand_where_several_can(call):
    told = {option.name: option for option in options_of(operation("pretrain-ica"))}
    assert told["text_ratio"].expected == "a number above 0 and below 1"
    assert told["warmup"].expected == "a number of 0 or more and below 1"
    shown = " ".join(call("pretrain-ica", "--help").stdout.split())
    assert "Share of items held out. A number above 0 and below 1. [default: 0.1]" in shown
    assert operation("score-features")(features="f", interactions="i", out="o", k=20).k == (20,)


def test_an_item_without_a_vector_is_said_to_be_near_nothing(call, table):
    vectors = np.array([[1, 0], [0, 1], [1, 1], [np.nan, np.nan]])
    spaces = {"mine": vectors, "other": np.nan_to_num(vectors, nan=0.5)}
    fz.from_arrays(list("abcd"), spaces, modality="text", out=table / "f")
    shown = call("inspect", "f", "--neighbors", "d").stdout
    assert "d has no vector in mine, or one of zeros: nothing is near it there" in shown
    assert "nearest to d  in other" in shown
    near = json.loads(call("inspect", "f", "--neighbors", "d", "--json").stdout)["neighbors"]
    assert list(near) == ["other"]
