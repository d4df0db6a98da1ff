import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer.errors import InputError, OutputError
from featurizer.results.files import atomic_path, fingerprint, read_json, write_json

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
