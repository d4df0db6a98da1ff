"""What is chosen behind an encoder's name: one syntax everywhere, kept with the vectors, refused where it is unfit."""

import numpy as np
import pytest
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

import featurizer as fz
from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.naming import family_of, found_request, local_folder, told_request
from featurizer.encoders.options import encoder_text
from featurizer.encoders.resolve import load, load_encoders, load_token_encoder, resolve
from featurizer.errors import InputError
from featurizer.operations.extract import Extract
from featurizer.recipes.recipe import parse_recipe
from featurizer.records import ItemRecord
from featurizer.testing import sample_images, sample_texts
from tests.support.items import make_catalog


def only(text, **options):
    (encoder,) = load_encoders([text], device="cpu", **options)
    return encoder


def asked(text):
    request = resolve(text)
    fields = (
        "name",
        "model",
        "revision",
        "prompt",
        "pooling",
        "max_tokens",
        "truncate_dim",
        "layer",
        "modalities",
    )
    return {name: getattr(request, name) for name in fields if getattr(request, name) is not None}


def test_the_syntax_of_the_documentation_is_read():
    text = "e5=transformers:intfloat/e5-base-v2,prompt=passage: ,pooling=mean,max_tokens=256"
    assert asked(text) == {
        "name": "e5",
        "model": "intfloat/e5-base-v2",
        "prompt": "passage: ",
        "pooling": "mean",
        "max_tokens": 256,
    }
    assert resolve(text).text == text


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        ("prompt=passage: ", "passage: "),
        (r"prompt=Instruct: find\nQuery:", "Instruct: find\nQuery:"),
        (r"prompt=red\, b=blue\,c=d", "red, b=blue,c=d"),
        ("prompt=red, green", "red, green"),
        ("prompt=", ""),
        ("prompt=a=b", "a=b"),
        (r"prompt=back\\slash", "back\\slash"),
    ],
)
def test_a_prompt_is_what_is_written_to_the_last_space(written, prompt):
    request = resolve(f"transformers:org/name,{written}")
    assert (request.prompt, request.model) == (prompt, "org/name")
    mapping = {"encoder": "transformers:org/name", "prompt": prompt}
    assert resolve(encoder_text(mapping)).prompt == prompt


def test_a_preset_takes_options_too():
    assert resolve("minilm,max_tokens=64").max_tokens == 64
    assert resolve("short=minilm,max_tokens=64").name == "short"
    assert family_of("short=minilm,prompt=a") == "sentence-transformers"


def test_blanks_after_a_comma_are_no_part_of_an_options_name():
    found = resolve("minilm, max_tokens=32,  prompt=a, b ")
    assert (found.max_tokens, found.prompt) == (32, "a, b ")


def test_modality_and_revision_are_options():
    request = resolve("open_clip:org/name,modality=text+image,revision=abc")
    assert (request.modalities, request.revision) == (("image", "text"), "abc")


def test_a_folder_with_options_is_found_and_told_by_its_name_alone(tmp_path):
    (tmp_path / "small").mkdir()
    text = f"a=transformers:{tmp_path}/small,prompt=passage: "
    assert local_folder(text) == tmp_path / "small"
    assert told_request(text) == "a=transformers:./small,prompt=passage: "
    assert found_request(told_request(text), [tmp_path]) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "transformers:a/b,polling=mean",
            "has no option 'polling'; its options are image_size, layer, max_tokens",
        ),
        (
            "open_clip:a/b,pooling=mean",
            "'pooling'; its options are image_size, modality, prompt, revision, truncate",
        ),
        ("timm:a/b,prompt=x", "has no option 'prompt'; its options are image_size, modality"),
        (
            "transformers:a/b,max_tokens=many",
            "max_tokens of transformers:a/b is 'many'; expected a whole number",
        ),
        (
            "transformers:a/b,truncate_dim=0",
            "truncate_dim of transformers:a/b is 0; expected a whole number above 0",
        ),
        (
            "transformers:a/b,modality=sound",
            "modality of transformers:a/b is 'sound'; expected image, text, both",
        ),
        ("transformers:a/b,pooling=", "pooling of transformers:a/b is empty"),
        ("transformers:a/b,max_tokens=1,max_tokens=2", "max_tokens of transformers:a/b is given twice"),
        ("transformers:a/b@x,revision=y", "transformers:a/b@x takes no revision: x is named already"),
        ("minilm,revision=y", "minilm takes no revision: it comes from no repository"),
        ("ica:runs/x,prompt=a", "ica:runs/x has no option 'prompt'; it has none"),
        ("a b=minilm,prompt=a", "'a b' cannot name a space"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(text, message):
    with pytest.raises(InputError, match=message):
        resolve(text)


def test_an_operation_takes_a_text_a_mapping_or_several():
    texts = {"catalog": "c", "out": "o"}
    mapping = {"encoder": "transformers:org/name", "name": "e5", "prompt": "passage: ", "max_tokens": 256}
    text = "e5=transformers:org/name,prompt=passage: ,max_tokens=256"
    for given in (text, [text], (mapping,), [mapping, "minilm"]):
        assert Extract(**texts, encoders=(given,) if isinstance(given, str) else given).encoders[0] == text
    with pytest.raises(InputError, match="does not say which; expected 'encoder'"):
        Extract(**texts, encoders=({"prompt": "a"},))


def test_python_and_recipes_take_a_mapping(tmp_path):
    catalog = make_catalog(
        tmp_path / "c", [ItemRecord(f"i{one}", title="a red cup with a saucer") for one in range(4)]
    )
    choice = {"encoder": "minilm", "name": "short", "max_tokens": 4}
    features = fz.extract(catalog, encoders=choice, out=tmp_path / "f", device="cpu")
    assert features.manifest.requests == ["short=minilm,max_tokens=4"]
    assert features.spaces["short_text"].preprocessing["token_limit"] == 4
    typed = fz.extract(catalog, encoders="short=minilm,max_tokens=4", out=tmp_path / "t", device="cpu")
    assert typed.manifest.fingerprint == features.manifest.fingerprint
    plain = fz.extract(catalog, encoders="short=minilm", out=tmp_path / "p", device="cpu")
    assert plain.manifest.fingerprint != features.manifest.fingerprint


def test_texts_are_cut_where_it_is_asked_for(checkpoint):
    folder = str(checkpoint("bert"))
    found = only(f"a=transformers:{folder},max_tokens=8").encode(sample_texts())
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    inputs = tokenizer(sample_texts(), padding=True, truncation=True, max_length=8, return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None]
    np.testing.assert_allclose(found, ((states * mask).sum(1) / mask.sum(1)).numpy(), atol=1e-5)
    with pytest.raises(InputError, match=r"max_tokens is 100, but transformers:.* reads at most 40"):
        only(f"a=transformers:{folder},max_tokens=100")


def test_a_layer_that_is_asked_for_is_read(checkpoint):
    folder = str(checkpoint("bert"))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = model(**tokenizer("mug", return_tensors="pt"), output_hidden_states=True).hidden_states
    for layer, place in ((1, 1), (2, 2), (-1, 2), (-2, 1)):
        encoder = only(f"a=transformers:{folder},layer={layer},pooling=cls")
        np.testing.assert_allclose(encoder.encode(["mug"]), states[place][:, 0].numpy(), atol=1e-5)
        assert encoder.spec.preprocessing["layer"] == layer
    with pytest.raises(InputError, match="has 2 layers, and layer is 3; expected 1 to 2"):
        only(f"a=transformers:{folder},layer=3")
    with pytest.raises(InputError, match="projection vectors, which come from its last layer"):
        load_encoders([f"a=transformers:{checkpoint('clip')},layer=1"], device="cpu")


def test_a_truncated_vector_has_length_1_again_where_the_models_own_does(checkpoint):
    folder = str(checkpoint("qwen3"))
    encoder = only(f"a=sentence-transformers:{folder},truncate_dim=8")
    model = SentenceTransformer(folder, device="cpu", truncate_dim=8)
    expected = model.encode_document(sample_texts(), normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(encoder.encode(sample_texts()), expected, atol=1e-5)
    assert (encoder.spec.dim, encoder.spec.preprocessing["truncated_from"]) == (8, 32)
    plain = only(f"a=transformers:{checkpoint('bert')},truncate_dim=8")
    whole = only(f"a=transformers:{checkpoint('bert')}")
    np.testing.assert_array_equal(plain.encode(["mug"]), whole.encode(["mug"])[:, :8])
    assert plain.encode([]).shape == (0, 8)
    with pytest.raises(InputError, match=r"truncate_dim is 32, and the vectors of .* have 32 numbers"):
        only(f"a=transformers:{checkpoint('bert')},truncate_dim=32")
    with pytest.raises(InputError, match="leave truncate_dim out"):
        load_token_encoder(f"transformers:{checkpoint('bert')},truncate_dim=8", "text", device="cpu")


@pytest.mark.parametrize("name", ["vit", "dinov3", "clip"])
def test_pictures_have_the_size_that_is_asked_for(checkpoint, name):
    folder = str(checkpoint(name))
    encoder = load_encoders([f"a=transformers:{folder},image_size=48"], device="cpu")[0]
    processor, model = AutoImageProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    square = {"height": 48, "width": 48}
    sizes = {"size": {"shortest_edge": 48}, "crop_size": square} if name == "clip" else {"size": square}
    pixels = processor(images=sample_images(), return_tensors="pt", **sizes)["pixel_values"]
    assert pixels.shape[2:] == (48, 48)
    with torch.no_grad():
        if name == "clip":
            expected = model.get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
        elif name == "vit":
            expected = model(pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0]
        else:
            expected = model(pixels).last_hidden_state[:, 0]
    prepared = [encoder.prepare(one) for one in sample_images()]
    np.testing.assert_allclose(encoder.encode(prepared), expected.numpy(), atol=1e-5)
    assert encoder.spec.preprocessing["input_size"] == [3, 48, 48]


@pytest.mark.parametrize("family", ["sentence-transformers", "transformers"])
def test_a_model_that_takes_any_size_sees_no_more_pixels_than_asked_for(checkpoint, family):
    folder = str(checkpoint("qwen3_vl"))
    smaller, other = (only(f"a={family}:{folder},modality=image{more}") for more in (",image_size=32", ""))
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    assert np.abs(smaller.encode([picture]) - other.encode([picture])).max() > 1e-4
    assert smaller.spec.preprocessing["processor"]["size"]["longest_edge"] == 32 * 32
    with pytest.raises(
        InputError, match="takes pictures of at least 256 pixels; expected an image_size of 16"
    ):
        only(f"a={family}:{folder},image_size=8")


def test_open_clip_and_timm_take_pictures_of_another_size(checkpoint):
    picture = load_encoders([f"a=open_clip:{checkpoint('open_clip_vit')},image_size=64"], device="cpu")[0]
    assert picture.prepare(sample_images()[0]).shape == (3, 64, 64)
    larger = only("efficientnet-lite0,image_size=256")
    assert larger.prepare(sample_images()[0]).shape == (3, 256, 256)
    assert larger.encode([larger.prepare(sample_images()[0])]).shape == (1, 1280)


def test_a_prompt_of_an_image_and_text_model_is_that_of_its_texts(checkpoint):
    text = load_encoders(
        [f"a=open_clip:{checkpoint('open_clip_vit')},prompt=a photo of ,modality=text"], device="cpu"
    )
    plain = load_encoders([f"a=open_clip:{checkpoint('open_clip_vit')},modality=text"], device="cpu")
    assert [one.spec.space for one in text] == ["a_text"]
    np.testing.assert_array_equal(text[0].encode(["mug"]), plain[0].encode(["a photo of mug"]))


def test_a_recipe_says_it_as_python_does(tmp_path):
    catalog = make_catalog(tmp_path / "c", [ItemRecord("one", title="a red cup")])
    step = f"""
title: options
out: {tmp_path}/out
steps:
  - name: f
    uses: extract
    catalog: {catalog.folder}
    encoders:
      - encoder: minilm
        name: short
        prompt: "passage: "
        max_tokens: 8
"""
    (found,) = parse_recipe(step, origin="r.yaml", name="r").steps
    assert found.operation.encoders == ("short=minilm,prompt=passage: ,max_tokens=8",)


def test_a_request_made_by_hand_is_loaded_with_its_options(checkpoint):
    request = EncoderRequest(
        "a", str(checkpoint("bert")), family="transformers", truncate_dim=4, max_tokens=6
    )
    (encoder,) = load(request)
    assert (encoder.spec.dim, encoder.spec.preprocessing["token_limit"]) == (4, 6)
