import os

import pytest

from featurizer.results.holder import Holder, command_line


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["/usr/bin/featurizer", "ingest", "a b.csv"], 'featurizer ingest "a b.csv"'),
        (["/x/featurizer/__main__.py", "extract"], "featurizer extract"),
        (
            ["featurizer", "publish", "--token", "hf_abcdefghij", "--dry-run"],
            "featurizer publish --token … --dry-run",
        ),
        (["featurizer", "--api-key=abc", "-k", "10"], "featurizer --api-key=… -k 10"),
        (["featurizer", "--PASSWORD", "abc", "def"], "featurizer --PASSWORD … def"),
        (["featurizer", "https://me:pass@shop.org/a.csv"], "featurizer https://…@shop.org/a.csv"),
        (["featurizer", "s3://b/a?X-Signature=abc"], "featurizer s3://b/a?…"),
        (["featurizer", "--set", "x=hf_abcdefghij"], "featurizer --set x=hf_…"),
    ],
)
def test_a_command_line_is_shown_without_its_secrets(given, shown):
    assert command_line(given) == shown


def test_a_line_round_trips():
    mine = Holder.this_process("f", shared=True)
    assert Holder.parse(mine.line()) == mine
    assert (mine.pid, mine.may_live) == (os.getpid(), True)


@pytest.mark.parametrize("line", ["", "{", "[]", "1", '{"pid": 1}'])
def test_a_line_that_was_not_written_to_its_end_is_nobodys(line):
    assert Holder.parse(line) is None


def test_another_hosts_process_may_live():
    assert Holder(2**22 - 1, "elsewhere.example", "featurizer", "2026-01-01", "f", shared=False).may_live
