import functools
import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch
from encoder_checkpoints import pipeline
from sentence_transformers import SentenceTransformer
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, T5EncoderModel

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.transformers.encoder import load
from featurizer.encoders.prompts import document_prompt
from featurizer.errors import InputError, MissingExtra, ModelUnavailable
from featurizer.testing import EncoderContract, sample_images, sample_texts

TEXTS = ["red dress", "", "a long coat for cold days " * 9]


def vectors(encoder, inputs):
    return encoder.encode([encoder.prepare(value) for value in inputs])


def request(folder, **changes):
    return EncoderRequest(name="small", model=str(folder), **changes)


@functools.cache
def loaded(folder, pooling):
    return load(request(folder, pooling=pooling))


def pixels(folder):
    processor = AutoImageProcessor.from_pretrained(folder)
    return processor(images=sample_images(), return_tensors="pt")["pixel_values"]


@torch.inference_mode()
def output(folder, **inputs):
    return AutoModel.from_pretrained(folder)(**inputs)


class FolderContract(EncoderContract):
    name = ""
    side = 0
    pooling = None

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = checkpoint(self.name)

    def make_encoder(self):
        return loaded(self.folder, self.pooling)[self.side]


class TestViT(FolderContract):
    name = "vit"


class TestViTMean(FolderContract):
    name = "vit"
    pooling = "mean"


class TestDinov2(FolderContract):
    name = "dinov2"


class TestBeit(FolderContract):
    name = "beit"


class TestBert(FolderContract):
    name = "bert"


class TestBertCls(FolderContract):
    name = "bert"
    pooling = "cls"


class TestRoberta(FolderContract):
    name = "roberta"


class TestGpt2(FolderContract):
    name = "gpt2"


class TestOpt(FolderContract):
    name = "opt"


class TestT5(FolderContract):
    name = "t5"


class TestDeclared(FolderContract):
    name = "declared"


class TestSiglipMaskedText(FolderContract):
    name = "siglip_masked"
    side = 1


class TestClipImage(FolderContract):
    name = "clip"


class TestClipText(FolderContract):
    name = "clip"
    side = 1


class TestSiglipImage(FolderContract):
    name = "siglip"


class TestSiglipText(FolderContract):
    name = "siglip"
    side = 1


@pytest.mark.parametrize("name", ["vit", "vit_without_pooler", "dinov2"])
def test_models_with_a_class_token_give_its_last_state(checkpoint, name):
    folder = checkpoint(name)
    (encoder,) = load(request(folder))
    expected = output(folder, pixel_values=pixels(folder)).last_hidden_state[:, 0]
    assert encoder.spec.pooling == "cls"
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_mean_pooling_of_a_vision_model_leaves_the_class_token_out(checkpoint):
    folder = checkpoint("vit")
    (encoder,) = load(request(folder, pooling="mean"))
    expected = output(folder, pixel_values=pixels(folder)).last_hidden_state[:, 1:].mean(dim=1)
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_pooler_pooling_gives_the_models_pooler_output(checkpoint):
    folder = checkpoint("vit")
    (encoder,) = load(request(folder, pooling="pooler"))
    expected = output(folder, pixel_values=pixels(folder)).pooler_output
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_a_fine_tuned_beit_gives_its_own_normalized_patch_mean(checkpoint):
    folder = checkpoint("beit")
    (encoder,) = load(request(folder))
    expected = output(folder, pixel_values=pixels(folder)).pooler_output
    assert encoder.spec.pooling == "pooler"
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_a_checkpoint_without_the_pooling_layer_is_refused_only_when_it_is_asked_for(checkpoint):
    folder = checkpoint("vit_without_pooler")
    with pytest.raises(ModelUnavailable, match=r"lacks 2 weights .*pooler.*Choose another pooling"):
        load(request(folder, pooling="pooler"))
    hashes = {load(request(folder))[0].spec.weight_hash for _ in range(2)}
    assert len(hashes) == 1


def test_text_models_average_the_tokens_under_the_attention_mask(checkpoint):
    folder = checkpoint("bert")
    (encoder,) = load(request(folder))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text, vector in zip(TEXTS, vectors(encoder, TEXTS), strict=True):
        tokens = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")
        expected = output(folder, **tokens).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-5)
    assert encoder.spec.pooling == "mean"
    assert encoder.spec.preprocessing["token_limit"] == 40


def test_cls_pooling_of_a_text_model_gives_the_first_token(checkpoint):
    folder = checkpoint("bert")
    (encoder,) = load(request(folder, pooling="cls"))
    tokens = AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=True, truncation=True, max_length=40, return_tensors="pt"
    )
    expected = output(folder, **tokens).last_hidden_state[:, 0]
    np.testing.assert_allclose(vectors(encoder, TEXTS), expected, rtol=0, atol=1e-5)


def test_a_prompt_stands_before_every_text_and_in_the_specification(checkpoint):
    folder = checkpoint("bert")
    (plain,), (prompted,) = load(request(folder)), load(request(folder, prompt="passage: "))
    expected = vectors(plain, [f"passage: {text}" for text in TEXTS])
    np.testing.assert_array_equal(vectors(prompted, TEXTS), expected)
    assert prompted.spec.preprocessing["prompt"] == "passage: "


def test_a_position_table_behind_the_padding_index_bounds_the_tokens(checkpoint):
    (encoder,) = load(request(checkpoint("roberta")))
    assert encoder.spec.preprocessing["token_limit"] == 24 - 2
    assert vectors(encoder, ["x" * 100]).shape == (1, 32)


@pytest.mark.parametrize(("name", "padding"), [("clip", True), ("siglip", "max_length")])
def test_dual_models_give_their_projected_features_without_normalizing(checkpoint, name, padding):
    folder = checkpoint(name)
    image, text = load(request(folder))
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding=padding, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        of_images = model.get_image_features(pixel_values=pixels(folder)).pooler_output
        of_texts = model.get_text_features(**tokens).pooler_output
    np.testing.assert_allclose(vectors(image, sample_images()), of_images, rtol=0, atol=1e-5)
    np.testing.assert_allclose(vectors(text, TEXTS), of_texts, rtol=0, atol=1e-5)
    assert [side.spec.space for side in (image, text)] == ["small_image", "small_text"]
    assert not image.spec.normalized
    assert not np.allclose(np.linalg.norm(of_texts, axis=1), 1, atol=0.01)


def test_only_the_sides_asked_for_are_built(checkpoint):
    (encoder,) = load(request(checkpoint("clip"), modalities=("text",)))
    assert encoder.spec.modality == "text"


def test_the_preprocessing_is_recorded(checkpoint):
    (encoder,) = load(request(checkpoint("vit")))
    recorded = encoder.spec.preprocessing
    assert recorded["processor"] == "ViTImageProcessor"
    assert recorded["backend"] in ("torchvision", "pil")
    assert recorded["size"] == {"height": 32, "width": 32}
    assert recorded["interpolation"] == "bilinear"
    assert recorded["mean"] == [0.5, 0.5, 0.5]


def test_half_precision_computes_in_it_and_returns_float32(checkpoint):
    folder = checkpoint("vit")
    (full,), (half,) = load(request(folder)), load(request(folder, dtype="bfloat16"))
    found, expected = vectors(half, sample_images()), vectors(full, sample_images())
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1
    assert half.spec.weight_hash == full.spec.weight_hash


@pytest.mark.parametrize("changes", [{"modalities": ("text",)}, {"pooling": "max"}, {"pooling": "lasttoken"}])
def test_what_a_vision_model_cannot_do_is_refused(checkpoint, changes):
    with pytest.raises(InputError, match="expected"):
        load(request(checkpoint("vit"), **changes))


def test_a_model_that_hides_random_patches_is_refused(checkpoint):
    with pytest.raises(InputError, match=r"vit_mae .*random.* timm:vit_base_patch16_224\.mae"):
        load(request(checkpoint("vit_mae")))


def test_a_dual_model_takes_no_pooling(checkpoint):
    with pytest.raises(InputError, match="leave the pooling out"):
        load(request(checkpoint("clip"), pooling="cls"))


def test_an_incomplete_folder_is_named_with_the_layout_expected(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*Expected config\.json"):
        load(request(tmp_path))


def test_sample_texts_reach_past_the_token_limit(checkpoint):
    limit = load(request(checkpoint("bert")))[0].spec.preprocessing["token_limit"]
    assert max(map(len, sample_texts())) > limit


def test_pooler_pooling_of_a_text_model_gives_its_pooler_output(checkpoint, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("bert"))
    config = AutoModel.from_pretrained(checkpoint("bert")).config
    for part in (AutoModel.from_config(config), tokenizer):
        part.save_pretrained(tmp_path)
    (encoder,) = load(request(tmp_path, pooling="pooler"))
    tokens = tokenizer(TEXTS, padding=True, truncation=True, max_length=40, return_tensors="pt")
    np.testing.assert_allclose(vectors(encoder, TEXTS), output(tmp_path, **tokens).pooler_output, atol=1e-5)


@pytest.mark.parametrize("name", ["siglip", "siglip_masked"])
def test_siglip_reads_padding_whatever_the_tokenizer_says_of_a_mask(checkpoint, name):
    folder = checkpoint(name)
    _, encoder = load(request(folder))
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = model.get_text_features(input_ids=ids).pooler_output
    np.testing.assert_allclose(vectors(encoder, TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "limit"), [("gpt2", 48), ("opt", 30)])
def test_a_causal_decoder_gives_the_last_token_of_the_text(checkpoint, name, limit):
    folder = checkpoint(name)
    (encoder,) = load(request(folder))
    tokenizer, texts = AutoTokenizer.from_pretrained(folder), ["red dress", "x", TEXTS[2]]
    for text, vector in zip(texts, vectors(encoder, texts), strict=True):
        tokens = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        expected = output(folder, **tokens).last_hidden_state[0, -1]
        np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-5)
    assert encoder.spec.pooling == "lasttoken"
    assert encoder.spec.preprocessing["token_limit"] == limit


def test_a_text_without_a_token_is_read_as_one_of_padding(checkpoint):
    (encoder,) = load(request(checkpoint("gpt2")))
    np.testing.assert_allclose(
        vectors(encoder, ["", "red dress"]),
        vectors(encoder, ["<|endoftext|>", "red dress"]),
        rtol=0,
        atol=1e-5,
    )
    assert np.isfinite(vectors(encoder, [""])).all()


def test_a_t5_gives_the_mean_of_its_encoders_states_of_a_text_of_any_length(checkpoint):
    folder = checkpoint("t5")
    (encoder,) = load(request(folder))
    model, tokenizer = T5EncoderModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts = ["red dress", "a long coat for cold days " * 40]
    for text, vector in zip(texts, vectors(encoder, texts), strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(vector, states.mean(dim=0), rtol=0, atol=1e-5)
    assert (encoder.spec.pooling, encoder.spec.preprocessing["token_limit"]) == ("mean", None)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(
    ("base", "mode"), [("bert", "cls"), ("bert", "mean"), ("gpt2", "mean"), ("gpt2", "lasttoken")]
)
def test_what_a_checkpoint_declares_is_applied(tmp_path, base, mode, normalize):
    prompts = {"query": "asked: ", "document": "text: "}
    folder = pipeline(tmp_path / "model", base=base, mode=mode, normalize=normalize, prompts=prompts)
    (encoder,) = load(request(folder))
    texts = ["red dress", "x", TEXTS[2]]
    expected = SentenceTransformer(str(folder), device="cpu")
    expected.tokenizer.pad_token = expected.tokenizer.pad_token or expected.tokenizer.eos_token
    expected = expected.encode_document(texts, show_progress_bar=False)
    np.testing.assert_allclose(vectors(encoder, texts), expected, rtol=0, atol=1e-5)
    assert (encoder.spec.pooling, encoder.spec.normalized) == (mode, normalize)
    assert encoder.spec.preprocessing["prompt"] == "text: "
    assert encoder.spec.preprocessing["token_limit"] == 24


def test_a_pooling_that_is_asked_for_stands_before_the_declared_one(tmp_path):
    folder = pipeline(tmp_path / "model", mode="cls", normalize=False)
    (encoder,) = load(request(folder, pooling="mean", prompt=""))
    (plain,) = load(request(tmp_path / "model-base", pooling="mean"))
    np.testing.assert_allclose(vectors(encoder, ["red dress"]), vectors(plain, ["red dress"]), atol=1e-5)
    assert encoder.spec.pooling == "mean"


@pytest.mark.parametrize(
    ("file", "changed", "found"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "max pooling"),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}, r"cls\+mean pooling"),
        ("1_Pooling/config.json", {"include_prompt": False}, "a prompt that is left out"),
    ],
)
def test_what_a_checkpoint_declares_and_is_not_done_here_is_refused(tmp_path, file, changed, found):
    folder = pipeline(tmp_path / "model", prompts={"document": "text: "})
    written = json.loads((folder / file).read_text("utf-8"))
    (folder / file).write_text(json.dumps({**written, **changed}), "utf-8")
    with pytest.raises(InputError, match=f"declares {found}.* Load it with sentence-transformers:{folder}"):
        load(request(folder))


def test_modules_that_are_not_done_here_are_refused(tmp_path):
    folder = pipeline(tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules, dense]), "utf-8")
    with pytest.raises(InputError, match="declares a pipeline of Transformer, Pooling, Normalize, Dense"):
        load(request(folder))


def test_a_transformer_alone_is_refused_with_an_advice_that_can_be_followed(tmp_path):
    folder = pipeline(tmp_path / "model")
    file = folder / "modules.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8"))[:1]), "utf-8")
    with pytest.raises(
        InputError, match=r"Transformer alone.*Save it with a Pooling.* without modules\.json"
    ):
        load(request(folder))
    file.unlink()
    assert load(request(folder))[0].spec.pooling == "mean"


def test_a_declared_pooling_whose_file_is_missing_is_not_another_pooling(tmp_path):
    folder = pipeline(tmp_path / "model")
    (folder / "1_Pooling/config.json").unlink()
    with pytest.raises(
        ModelUnavailable, match=r"could not load the folder .*1_Pooling/config\.json is missing"
    ):
        load(request(folder))


@pytest.mark.parametrize("name", ["bert", "clip", "gpt2", "opt", "roberta", "t5"])
def test_a_folder_without_a_tokenizer_gives_no_vectors_of_texts(checkpoint, tmp_path, name):
    folder = shutil.copytree(
        checkpoint(name), tmp_path / "model", ignore=shutil.ignore_patterns("tokenizer*")
    )
    with pytest.raises(
        ModelUnavailable, match=r"could not load the folder .*has no tokenizer.*Expected config"
    ):
        load(request(folder, modalities=("text",)))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("config.json", "{"),
        ("model.safetensors", "{"),
        ("tokenizer.json", "[]"),
        ("modules.json", "[1]"),
        ("sentence_bert_config.json", "[1]"),
        ("1_Pooling/config.json", "[1]"),
    ],
)
def test_a_file_that_holds_something_else_is_a_folder_that_could_not_be_loaded(tmp_path, name, written):
    folder = pipeline(tmp_path / "model")
    (folder / name).write_text(written, "utf-8")
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*Expected config\.json"):
        load(request(folder))


@pytest.mark.parametrize("base", ["bert", "roberta"])
def test_small_letters_are_made_where_that_is_declared(tmp_path, base):
    folder = pipeline(tmp_path / "model", base=base)
    file = folder / "sentence_bert_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "do_lower_case": True}), "utf-8")
    (encoder,) = load(request(folder))
    expected = SentenceTransformer(str(folder), device="cpu").encode(["RED Dress"], show_progress_bar=False)
    np.testing.assert_allclose(vectors(encoder, ["RED Dress"]), expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(vectors(encoder, ["RED Dress"]), vectors(encoder, ["red dress"]))


def test_an_encoder_that_was_saved_without_its_decoder_is_read_as_one(tmp_path):
    folder = pipeline(tmp_path / "model", base="byt5", mode="mean")
    (encoder,) = load(request(folder))
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(vectors(encoder, TEXTS), expected, rtol=0, atol=1e-5)


def test_small_letters_that_a_tokenizer_is_not_told_of_are_refused(tmp_path):
    folder = pipeline(tmp_path / "model", base="byt5", mode="mean")
    file = folder / "sentence_bert_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "do_lower_case": True}), "utf-8")
    told = f"declares small letters for the tokenizer ByT5Tokenizer, .* sentence-transformers:{folder}"
    with pytest.raises(InputError, match=told):
        load(request(folder))


def test_the_old_spelling_of_a_pooling_is_read(tmp_path):
    folder = pipeline(tmp_path / "model", mode="mean")
    old = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling/config.json").write_text(json.dumps(old), "utf-8")
    assert load(request(folder))[0].spec.pooling == "cls"


@pytest.mark.parametrize(
    ("prompts", "default", "prompt"),
    [
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, "query", "d: "),
        ({"query": "q: ", "document": "", "passage": "p: "}, None, "p: "),
        ({"corpus": "c: ", "other": "o: "}, "other", "c: "),
        ({"other": "o: "}, "other", "o: "),
        ({"query": "q: "}, "query", None),
        ({}, None, None),
    ],
)
def test_a_document_gets_the_prompt_of_documents_and_never_that_of_queries(prompts, default, prompt):
    assert document_prompt(prompts, default) == prompt


def test_what_is_lost_of_a_text_is_counted(checkpoint):
    (encoder,) = load(request(checkpoint("bert")))
    limit = encoder.spec.preprocessing["token_limit"]
    fits, longer = "x " * (limit - 2), "x " * (limit - 1)
    found = encoder.losses([fits, longer, "日本 語 x", "日本 x x x x x x x", ""])
    assert [loss.cut for loss in found] == [False, True, False, False, False]
    assert [loss.unknown for loss in found] == [False, False, True, False, False]


def test_a_prompt_counts_as_a_part_of_the_text(checkpoint):
    (plain,) = load(request(checkpoint("bert")))
    (prompted,) = load(request(checkpoint("bert"), prompt="x x "))
    text = "x " * (plain.spec.preprocessing["token_limit"] - 3)
    assert [encoder.losses([text])[0].cut for encoder in (plain, prompted)] == [False, True]


def test_a_text_of_which_no_token_is_left_is_unknown(checkpoint):
    (encoder,) = load(request(checkpoint("gpt2")))
    assert [loss.unknown for loss in encoder.losses(["日本", "red", " "])] == [True, False, False]


def test_an_adapter_is_not_left_out_in_silence(checkpoint, tmp_path, monkeypatch):
    folder = shutil.copytree(checkpoint("bert"), tmp_path / "model")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}', "utf-8")
    find = importlib.util.find_spec
    monkeypatch.setattr("featurizer.registry.find_spec", lambda name: None if name == "peft" else find(name))
    with pytest.raises(MissingExtra, match=r"what puts the adapter of transformers:.* pip install peft"):
        load(request(folder))
