"""Every export goes in with the mapping told, or says in one sentence what to do, and goes in then."""

from __future__ import annotations

import json

import pytest

import featurizer as fz
from featurizer.catalog.column_names import USUAL
from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from tests.catalog.exports import EXPORTS
from tests.support.program import run_program


def test_there_are_thirty():
    assert len(EXPORTS) >= 30
    assert sum(bool(one.refused) for one in EXPORTS.values()) < 6


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_goes_in_with_its_mapping_told(tmp_path, name, monkeypatch, capsys):
    export = EXPORTS[name]
    (tmp_path / export.file).write_bytes(export.data)
    monkeypatch.chdir(tmp_path)
    if export.refused:
        with pytest.raises(InputError, match=export.refused):
            fz.ingest(export.file, out="c")
    options = [
        word
        for option, value in export.options.items()
        for word in (f"--{option.replace('_', '-')}", str(value))
    ]
    code, said, _ = run_program(
        monkeypatch, capsys, "ingest", export.file, "--out", "c", "--json", "--max-failures", 9, *options
    )
    assert code == 0
    told = json.loads(said)
    assert told["mapping"] == {**dict.fromkeys(USUAL), **export.mapping}
    assert not set(told["unused"]) & set(export.mapping.values())
    catalog = Catalog.open("c")
    items = dict(zip(catalog.column("item_id").to_pylist(), catalog.column("title").to_pylist(), strict=True))
    assert items == export.titles
