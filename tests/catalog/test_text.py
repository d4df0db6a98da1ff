import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer.catalog.text import TextRecipe, clean
from featurizer.errors import FeaturizerError, UnknownName
from featurizer.records import ItemRecord


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Tom &amp; Jerry&reg;", "Tom & Jerry®"),
        ("it&#x92;s", "it’s"),
        ("twice &amp;amp; escaped &amp;reg;", "twice & escaped ®"),
        ("<b>bold</b>ly<br/>next<p>par</p>", "boldly next par"),
        ("size < 5 and 3 > 2, I <3 it", "size < 5 and 3 > 2, I <3 it"),
        ("<style>.a { color: red; }</style>Cup", "Cup"),
        ("<script>var a = '<b>';</script>Cup", "Cup"),
        ("Nice cup .aplus-v2 .row { margin: 0 auto; color: red } holds 5.5 oz", "Nice cup holds 5.5 oz"),
        ("#productDescription { font-size: small; } Lamp", "Lamp"),
        ("a\n\tb\u00a0 c\u200b", "a b c"),
        ("Fläschchen 哺乳瓶 à l’eau", "Fläschchen 哺乳瓶 à l’eau"),
        ("banana nan None null", "banana nan None null"),
    ],
)
def test_cleaning_takes_markup_out_and_keeps_the_words(raw, cleaned):
    assert clean(raw) == cleaned


@given(st.text())
def test_cleaned_text_has_single_spaces_and_no_control_characters(text):
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())
    assert not any(ord(character) < 32 for character in cleaned)


@given(st.text(alphabet="abc xyzé哺.,!?0123456789", min_size=1))
def test_plain_words_survive_cleaning(text):
    assert clean(text) == " ".join(text.split())


def test_the_default_text_is_title_brand_categories_description():
    record = ItemRecord("1", "Cup", "Acme", "A <b>cup</b>", ("Home", "Kitchen"))
    assert TextRecipe().render(record) == "Cup Acme Home Kitchen A cup"


def test_missing_fields_leave_no_trace_and_no_field_at_all_means_no_text():
    assert TextRecipe().render(ItemRecord("1", title="Cup")) == "Cup"
    assert TextRecipe().render(ItemRecord("1", description="<br>")) is None
    assert TextRecipe(template="Title: {title}").render(ItemRecord("1", brand="Acme")) is None


def test_other_columns_never_enter_the_text():
    record = ItemRecord("1", title="Cup", extra={"articleType": "Mugs"})
    assert TextRecipe().render(record) == "Cup"


def test_a_column_enters_the_text_where_the_template_names_it_and_must_be_there():
    recipe = TextRecipe(template="{title}: {article Type} {colour.main}")
    record = ItemRecord("1", title="Cup", extra={"article Type": "<b>Mugs</b>", "colour.main": ["red", None]})
    assert recipe.render(record) == "Cup: Mugs red"
    assert recipe.own == ("article Type", "colour.main")
    recipe.check(["article Type", "colour.main"])
    with pytest.raises(UnknownName, match=r"'colour\.main'.*did you mean colour"):
        recipe.check(["article Type", "colour"])
    assert TextRecipe(template="{shade}").render(ItemRecord("1", title="Cup", extra={"shade": None})) is None


def test_a_template_without_a_field_is_refused():
    with pytest.raises(FeaturizerError, match="names no field"):
        TextRecipe(template="always the same")


@pytest.mark.parametrize(
    "template", ["{title", "title}", "{title!r}", "{title!x}", "{title:>9}", "{title:{brand}}"]
)
def test_a_template_of_more_than_bare_fields_is_refused(template):
    with pytest.raises(FeaturizerError, match="text template"):
        TextRecipe(template=template)
