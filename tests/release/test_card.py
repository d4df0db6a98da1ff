import json
import re

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.records import ItemRecord
from featurizer.release.card import render_card, write_card
from featurizer.release.examples import stored_examples
from featurizer.release.licenses import unknown_license
from featurizer.release.markdown import code_span, escape_markdown, one_block, yaml_scalar
from featurizer.release.recard import recard
from featurizer.results.files import read_json, write_json
from featurizer.results.seal import sealed
from featurizer.scoring.document import read_scores
from featurizer.scoring.leaderboard import leaderboard
from tests.release.sets import make_set
from tests.support.items import make_catalog

ROW = {
    "feature_set": "f", "space": "x_image", "metric": "zero_shot_recall", "split": "test", "k": 20, "neighbors": None,
    "group": None, "transform": "none", "value": 0.05, "ci_low": 0.04, "ci_high": 0.06, "users": 100,
}  # fmt: skip
HOSTILE = [
    '"\n---\nlicense: mit\n# gone',
    "{{ 7 * 7 }} {% raw %} {# #}",
    "<script>alert(1)</script> <img src=x onerror=alert(1)>",
    "[click](https://evil.example) ![x](https://evil.example/x.png) https://evil.example www.evil.example",
    "`code` ``` | a | b | **bold** &lt;i&gt; $x$ \\",
    "```\nnew block\n~~~",
    "\u2028\x85\x7f\x00 \U0001f600 naïve",
]


@pytest.fixture
def features(tmp_path):
    provenance = {
        "family": "timm",
        "model": "a_b*c",
        "pooling": "mean",
        "source": "hub",
        "license": "MIT",
        "preprocessing": {"size": [3, 224, 224]},
    }
    space = ArraySpace(
        "x_image", "image", np.ones((3, 4), np.float32), np.array([True, False, True]), provenance
    )
    made = write_arrays(
        tmp_path / "f",
        list("abc"),
        [space],
        source={"name": "My <b>shop</b>", "license": "CC0-1.0"},
    )
    return changed(
        made,
        device="cpu",
        libraries={"torch": "2"},
        requests=["x"],
        text_recipe=None,
        failures={"image: truncated": 1},
    )


def changed(features, **more):
    write_json(features.folder / "feature_set.json", sealed({**features.manifest.document(), **more}))
    return FeatureSet.open(features.folder)


def front_matter(card):
    _, head, body = card.split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_front_matter_is_what_the_hub_reads(features):
    head, _ = front_matter(render_card(features))
    assert head["license"] == "cc0-1.0"
    assert head["configs"] == [
        {
            "config_name": "default",
            "default": True,
            "data_files": [{"split": "train", "path": "data/train-*"}],
        }
    ]
    assert head["size_categories"] == ["n<1K"]
    info = head["dataset_info"][0]
    assert info["splits"][0]["num_examples"] == 3
    names = {feature["name"]: feature for feature in info["features"]}
    assert names["x_image"] == {"name": "x_image", "list": "float32", "length": 4}


def test_the_hubs_own_parser_takes_the_front_matter_and_datasets_its_features(features):
    import datasets
    from huggingface_hub import DatasetCard

    card = DatasetCard(render_card(features))
    read = datasets.Features._from_yaml_list(card.data.to_dict()["dataset_info"][0]["features"])
    assert read["x_image"] == datasets.List(datasets.Value("float32"), length=4)


def test_datasets_loads_a_folder_with_its_card(features, tmp_path):
    import datasets

    write_card(features)
    loaded = datasets.load_dataset(str(features.folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 3
    assert loaded.features["x_image"] == datasets.List(datasets.Value("float32"), length=4)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(tmp_path, text):
    provenance = {"family": "f", "model": text, "pooling": text, "source": text, "preprocessing": {"x": text}}
    ids = [text + str(row) for row in range(4)]
    space = ArraySpace(text + "_image", "image", np.eye(4, dtype=np.float32), provenance=provenance)
    made = write_arrays(tmp_path / "f", ids, [space], source={"name": text, "license": text})
    made = changed(made, failures={text: 1}, requests=[text], device=text)
    row = {**ROW, "space": text, "feature_set": text, "transform": text}
    (made.folder / "scores.json").write_text(json.dumps({"scores": [row, {**row, "feature_set": "g"}]}))
    card = render_card(made, titles=dict.fromkeys(ids, text))
    calm = make_set(tmp_path / "calm", source={"name": "calm", "license": "x"})
    head, body = front_matter(card)
    assert list(head) == [*front_matter(render_card(calm))[0]]
    assert head["pretty_name"].startswith(text)
    assert head["dataset_info"][0]["features"][4]["name"] == text + "_image"
    html = MarkdownIt("gfm-like", {"linkify": False}).render(body)
    assert html.count("<h2>") == body.count("\n## ")
    assert "<script" not in html
    assert re.findall("<img[^>]*>", html) == [
        '<img src="scores.png" alt="The leaderboard with its intervals" />'
    ]
    assert "<a " not in html
    assert "<strong>" not in html
    assert html.count("<pre>") == 6
    assert "49" not in re.sub("[0-9a-f]{64}", "", head["pretty_name"])
    cells = {line.count("<td>") for line in html.split("</tr>") if "<td>" in line}
    assert cells <= {2, 3, 4, 7}


def test_escaped_text_reads_as_it_was():
    assert escape_markdown("a|b\n# c") == r"a\|b \# c"
    for text in HOSTILE:
        html = MarkdownIt("commonmark").renderInline(escape_markdown(text))
        import html as entities

        assert entities.unescape(html).replace("\ufffd", "\x00") == " ".join(text.split())
        assert yaml.safe_load(yaml_scalar(text)) == text
    assert code_span("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert one_block("x\n```\ny") == "x\n \ny"


def test_coverage_and_failures_are_in_the_card(features):
    _, body = front_matter(render_card(features))
    assert "| with a picture | 2 |" in body
    assert r"| failed: image: truncated | 1 |" in body


def test_a_field_that_the_manifest_lacks_is_an_error_not_a_gap(features):
    path = features.folder / "feature_set.json"
    manifest = read_json(path)
    del manifest["spaces"]["x_image"]["pooling"]
    write_json(path, manifest)
    with pytest.raises(
        InputError, match=r"feature_set.json: it has no 'spaces.x_image.pooling', expected one"
    ):
        FeatureSet.open(features.folder)


def test_vectors_of_unknown_origin_have_a_card_too(tmp_path):
    made = write_arrays(tmp_path / "f", ["a"], [ArraySpace("x", "both", np.ones((1, 2)))])
    head, body = front_matter(render_card(made))
    assert "license" not in head
    assert "No license was given" in body
    assert "imported model unknown" in body


def test_the_card_is_the_same_when_rendered_again(features):
    first = write_card(features).read_text("utf-8")
    assert write_card(FeatureSet.open(features.folder)).read_text("utf-8") == first
    assert json.loads((features.folder / "feature_set.json").read_text())["rows"] == 3


def test_rendering_writes_nothing(features):
    before = sorted(path.name for path in features.folder.iterdir())
    render_card(features)
    assert sorted(path.name for path in features.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("My Own, v2", {"license": "other", "license_name": "my-own-v2"}),
        ("unknown", {}),
        (None, {}),
    ],
)
def test_a_license_is_named_as_the_hub_knows_it(tmp_path, license, expected):
    made = make_set(tmp_path / "f", source={"name": "x", "license": license} if license else {"name": "x"})
    head, _ = front_matter(render_card(made))
    assert {key: value for key, value in head.items() if key.startswith("license")} == expected


def test_the_leaderboard_of_the_terminal_stands_in_the_card_and_in_a_plot(features):
    item_cf = {**ROW, "metric": "item_cf_recall", "neighbors": 10, "value": 0.07}
    floor = {**ROW, "feature_set": "floor", "space": "random", "metric": "floor_random_recall", "value": 0.01}
    rows = [ROW, item_cf, {**ROW, "group": "cold"}, {**ROW, "k": 10}, {**ROW, "split": "valid"}, floor]
    told = {
        "scores": rows,
        "comparisons": [],
        "date": "2026-01-02",
        "counts": {"items": 1234, "test_users": 99},
    }
    (features.folder / "scores.json").write_text(json.dumps(told))
    body = write_card(features).read_text("utf-8")
    scores = body.partition("## Scores")[2].partition("\n## ")[0]
    table = [line for line in scores.splitlines() if line.startswith("|")]
    assert table == [
        "| feature set | space | geometry | zero-shot R@20 | item-cf R@20 (10 nearest) |",
        "|---|---|---|---|---|",
        "| `f` | `x_image` | uncentered | 0.0500 ±0.0100 | 0.0700 ±0.0100 |",
        "| `floor` | `random` | - | 0.0100 ±0.0100 | 0.0100 ±0.0100 |",
    ]
    shown = leaderboard(read_scores(features.folder / "scores.json").scores).shown
    told = [f"| {' | '.join(cells)} |" for cells in (shown[0], *shown[1])]
    assert [line.replace("`", "") for line in table if "---" not in line] == told
    assert "The test split of My \\<b\\>shop\\</b\\>: 99 users, 1,234 items, scored on 2026-01-02" in scores
    assert "in `scores.json`" in scores
    plot = features.folder / "scores.png"
    first = plot.read_bytes()
    assert first.startswith(b"\x89PNG")
    write_card(features)
    assert plot.read_bytes() == first


def test_a_long_leaderboard_is_cut_and_says_so(features):
    rows = [{**ROW, "space": f"s{number}", "value": number / 1000} for number in range(60)]
    (features.folder / "scores.json").write_text(json.dumps({"scores": rows}))
    body = write_card(features).read_text("utf-8")
    assert sum(line.startswith("| `f` | `s") for line in body.splitlines()) == 40
    assert "| `f` | `s59` |" in body
    assert "20 rows more and every other figure" in body
    assert "100 users" in body  # of the rows, where the file does not count them


def test_the_first_screen_says_which_space_to_use_and_what_is_synthetic(features):
    plain = render_card(features)
    assert "Which space to use" not in plain
    assert "synthetic" not in plain
    ranked = {**ROW, "metric": "zero_shot_recall", "split": "test", "k": 20, "neighbors": None, "value": 0.25}
    (features.folder / "scores.json").write_text(json.dumps({"scores": [ranked]}))
    path = features.folder / "feature_set.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"source": {**(manifest["source"] or {}), "name": "sample"}}))
    card = render_card(FeatureSet.open(features.folder))
    assert (
        card.index("are synthetic: drawn in code")
        < card.index("Which space to use")
        < card.index("## Spaces")
    )
    assert "Items with a history: " in card
    assert "zero-shot R@20 0.2500" in card


def test_masked_scores_say_what_was_masked(features):
    masked = {**ROW, "metric": "mask_modality_zero_shot_recall_area"}
    rows = [{**masked, "modality": "image"}, {**masked, "modality": "text", "value": 0.02}]
    (features.folder / "scores.json").write_text(json.dumps({"scores": rows}))
    body = write_card(features).read_text("utf-8")
    assert "| feature set | space | geometry | without image, area R@20 | without text, area R@20 |" in body


def code_of(card, language="python"):
    return re.findall(f"```{language}\n(.*?)```", card, re.DOTALL)


@pytest.mark.parametrize("library", ["datasets", "polars", "duckdb", "torch"])
def test_each_snippet_loads_what_the_set_holds(library, tmp_path, monkeypatch):
    """The snippets as they stand, but for the repository: a folder stands in its place."""
    pytest.importorskip(library)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    vectors = np.arange(20, dtype=np.float32).reshape(5, 4)
    space = ArraySpace('a "quoted"_image', "image", vectors, np.array([True, True, False, True, True]))
    made = write_arrays(tmp_path / "f", list("abcde"), [space], shard_rows=2)
    card = write_card(made).read_text("utf-8")
    (code,) = [one for one in code_of(card) if f"import {library}" in one or f"from {library}" in one][:1]
    assert "ORG/NAME" in code
    names = {}
    code = code.replace("hf://datasets/ORG/NAME", str(made.folder)).replace("ORG/NAME", str(made.folder))
    exec(code, names)
    if library == "datasets":
        assert names["features"][:].column("item_id").to_pylist() == list("abcde")
        return
    found = names["vectors"]
    if library == "duckdb":
        assert list(names["ids"]) == list("abde")
        found = np.stack(list(found))
    np.testing.assert_array_equal(np.asarray(found, np.float32), vectors[[0, 1, 3, 4]])


def test_the_card_says_what_interactions_taught(tmp_path):
    provenance = {"family": "align", "supervised": {"interactions": "ab" * 32, "items": 2}}
    space = ArraySpace("aligned", "both", np.ones((3, 2), np.float32), provenance=provenance)
    body = render_card(write_arrays(tmp_path / "f", list("abc"), [space]))
    assert "Interactions taught `aligned` too: those of 2 items" in body
    assert f"`{'ab' * 32}`" in body
    assert "Training was not used" not in body


@pytest.mark.parametrize("training", ["used", "not used"])
def test_the_card_says_when_training_was_not_used(tmp_path, training):
    provenance = {"family": "ica", "preprocessing": {"training": training} if training == "not used" else {}}
    space = ArraySpace("unified", "both", np.ones((3, 2), np.float32), provenance=provenance)
    made = write_arrays(tmp_path / "ica" / "features", list("abc"), [space])
    assert ("Training was not used in `unified`" in render_card(made)) is (training == "not used")


def test_scores_that_are_none_are_a_clear_error(features):
    (features.folder / "scores.json").write_text('{"scores": [{"metric": "x"}]}')
    with pytest.raises(InputError, match=r"scores\.0\.value: Field required"):
        render_card(features)


def test_examples_name_the_nearest_items_and_keep_titles_once_given(features, tmp_path):

    titled = dict.fromkeys("abc", "Red *cup*")
    write_card(features, titles=titled)
    body = write_card(features).read_text("utf-8")
    assert r"| `a` Red \*cup\* | `x_image` | `c` Red \*cup\* (1.000) |" in body
    write_card(changed(features, fingerprint="other"))
    assert "cup" not in (features.folder / "README.md").read_text("utf-8")


def test_titles_of_the_examples_come_from_the_catalog(tmp_path):
    ids = [f"i{row}" for row in range(8)]
    made = make_catalog(tmp_path / "catalog", [ItemRecord(item, title=f"Cup {item}") for item in ids[:-1]])
    vectors = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    found = write_arrays(tmp_path / "set", ids, [ArraySpace("x_text", "text", vectors)])
    untitled = write_card(found).read_text("utf-8")
    recard(found.folder, catalog=made.folder)
    examples = stored_examples(found)
    near = [one for example in examples for one in example.spaces["x_text"]]
    assert all(
        one.title == (None if one.item_id == "i7" else f"Cup {one.item_id}") for one in (*examples, *near)
    )
    titled = (found.folder / "README.md").read_text("utf-8")
    assert re.sub(r" Cup i\d", "", titled) == untitled
    assert "Cup i2" in titled


def test_the_papers_behind_the_encoders_are_cited(tmp_path):
    provenance = {"family": "open_clip", "model": "ViT-B-32/laion2b"}
    space = ArraySpace("clip_image", "image", np.ones((1, 2)), provenance=provenance)
    body = render_card(write_arrays(tmp_path / "f", ["a"], [space]))
    found = re.findall(r"@inproceedings\{(\w+),", body)
    assert found == ["liu2024alignrec", "ilharco2021openclip", "dosovitskiy2021vit"]


def test_a_license_can_be_recorded_after_the_fact_without_making_the_set_stale(features):
    written = recard(features.folder, license="CC-BY-4.0")
    assert [path.name for path in written] == ["README.md", "croissant.json"]
    again = FeatureSet.open(features.folder)
    assert again.manifest.license == "CC-BY-4.0"
    assert again.manifest.fingerprint == features.manifest.fingerprint
    assert front_matter((features.folder / "README.md").read_text())[0]["license"] == "cc-by-4.0"
    with pytest.raises(InputError, match="the license is empty"):
        recard(features.folder, license=" ")


def test_scores_from_elsewhere_are_taken_into_the_set(features, tmp_path):
    scores = tmp_path / "scored" / "scores.json"
    scores.parent.mkdir()
    scores.write_text(json.dumps({"scores": [ROW]}))
    recard(features.folder, scores=scores)
    assert "## Scores" in (features.folder / "README.md").read_text()
    with pytest.raises(InputError, match=r"is no file; expected the scores\.json"):
        recard(features.folder, scores=tmp_path / "none.json")


def test_a_license_that_the_hub_does_not_know_is_said_to_become_other_with_what_may_be_meant():
    assert unknown_license("CC-BY-4.0") is None
    assert unknown_license("cc-by-4") == (
        "the Hub knows no license 'cc-by-4', so the card says 'other', named cc-by-4; did you mean cc-by-4.0 or "
        "cc-by-3.0 or cc-by-2.5?"
    )
    assert unknown_license("our own terms").endswith(
        "named our-own-terms; expected an SPDX id such as CC-BY-4.0, or any name where the release stays private."
    )
