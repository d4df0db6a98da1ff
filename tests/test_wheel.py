"""The wheel carries its assets and works outside the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "-w",
        out,
        ROOT,
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_manifest_templates_and_recipes_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "featurizer/_assets/data_manifest.yaml" in names
    assert "featurizer/_assets/cards/feature_set.md.j2" in names
    assert any(name.startswith("featurizer/_assets/pipelines/") for name in names)
    assert "featurizer/py.typed" in names
    assert not any(name.startswith(("tests", "benchmarks", "docs")) for name in names)


def test_installed_in_a_clean_environment_it_lists_datasets_and_extracts(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run = {
        "capture_output": True,
        "text": True,
        "cwd": tmp_path,
        "env": {**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
    }
    installed = subprocess.run([python, "-m", "pip", "install", "--no-deps", "--quiet", wheel], **run)
    assert installed.returncode == 0, installed.stderr
    # the libraries are those of the running environment; its own copy of featurizer is not seen
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run([python, "-c", "import featurizer; print(featurizer.__file__)"], **run)
    assert str(tmp_path) in where.stdout, where.stderr
    program = tmp_path / "env" / "bin" / "featurizer"
    listed = subprocess.run([program, "datasets"], **run)
    assert "amazon-2014-baby" in listed.stdout, listed.stderr
    (tmp_path / "items.csv").write_text("id,title\na,Red cup\nb,Blue cup\n")
    subprocess.run([program, "ingest", "items.csv", "--out", "c"], check=True, **run)
    made = subprocess.run([program, "extract", "c", "--encoder", "minilm", "--out", "f"], **run)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "f" / "README.md").exists()
