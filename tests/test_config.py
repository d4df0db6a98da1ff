"""YAML that means harm, or that was saved as something else, ends at once in a sentence."""

import pytest

from featurizer.catalog.datasets import load_datasets
from featurizer.config import parse_yaml, read_yaml_text
from featurizer.errors import InputError
from featurizer.recipes.recipe import load_recipe

LEVELS = range(1, 12)
LISTS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in LEVELS)
MAPS = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(9))}}}\n" for n in LEVELS
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in LEVELS
)
BOMBS = {
    "lists": (LISTS, "aliases that make more than"),
    "maps": (MAPS, "aliases that make more than"),
    "merges": (MERGES, "aliases that make more than"),
    "itself": ("steps: &a [*a]", "aliases that make more than"),
    "deep lists": ("[" * 50_000, "nested too deeply|not valid YAML"),
    "deep blocks": ("- " * 50_000, "nested too deeply|not valid YAML"),
    "large": ("x: y\n" * 300_000, "holds 1,500,000 characters; expected YAML of at most 1,000,000"),
    "a number": ("x: " + "9" * 5_000, "not valid YAML: Exceeds the limit"),
    "a date": ("x: 2020-99-99", "not valid YAML: month must be in"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("form", BOMBS)
def test_a_bomb_is_refused_in_a_sentence(form):
    text, expected = BOMBS[form]
    with pytest.raises(InputError, match=expected) as refused:
        load_datasets(text, origin="mine.yaml")
    assert str(refused.value).startswith("mine.yaml")
    assert len(str(refused.value)) < 500


@pytest.mark.timeout(20)
def test_a_large_value_of_a_wrong_kind_is_named_in_short():
    text = "a: &a [" + ", ".join(["x" * 50] * 40) + "]\ndatasets: [" + ", ".join(["*a"] * 1_000) + "]\n"
    with pytest.raises(InputError) as refused:
        load_datasets(text, origin="mine.yaml")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("title: Tätig\n".encode("latin-1"), r"is not UTF-8: byte 8 is 0xe4; save it as UTF-8"),
        ("title: x\n".encode("utf-16"), r"is not UTF-8: byte 0 is 0xff"),
        (b"x: y\n" * 300_000, "holds 1,500,000 bytes"),
    ],
)
def test_a_recipe_in_another_encoding_or_without_end_is_refused(tmp_path, content, expected):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=expected):
        load_recipe(str(path))


def test_a_byte_order_mark_and_honest_anchors_are_fine(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + b"a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
    assert parse_yaml(read_yaml_text(path), origin=path) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}
