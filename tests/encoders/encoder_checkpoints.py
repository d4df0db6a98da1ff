"""Small checkpoints with random weights, written in the layouts that the Hub's models have."""

import json
import string
from pathlib import Path

import open_clip
import torch
from open_clip.coca_model import CoCa
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    BeitConfig,
    BeitImageProcessor,
    BeitModel,
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTImageProcessor,
    ViTMAEConfig,
    ViTMAEModel,
    ViTModel,
)

LETTERS = string.ascii_lowercase + string.digits + ",.%-—"
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
EYES = {**TINY, "image_size": 32, "patch_size": 8}
SQUARE = {"height": 32, "width": 32}


def save(folder: Path, model: PreTrainedModel, *parts: object) -> Path:
    for part in (model, *parts):
        part.save_pretrained(folder)
    return folder


def vit(folder: Path) -> Path:
    torch.manual_seed(1)
    return save(folder, ViTModel(ViTConfig(**EYES)), ViTImageProcessor(size=SQUARE))


def vit_without_pooler(folder: Path) -> Path:
    torch.manual_seed(2)
    return save(folder, ViTModel(ViTConfig(**EYES), add_pooling_layer=False), ViTImageProcessor(size=SQUARE))


def vit_mae(folder: Path) -> Path:
    torch.manual_seed(3)
    return save(folder, ViTMAEModel(ViTMAEConfig(**EYES, mask_ratio=0.75)), ViTImageProcessor(size=SQUARE))


def dinov2(folder: Path) -> Path:
    torch.manual_seed(4)
    config = Dinov2Config(**{key: EYES[key] for key in EYES if key != "intermediate_size"}, mlp_ratio=2)
    processor = ViTImageProcessor(size=SQUARE, resample=3)
    return save(folder, Dinov2Model(config), processor)


def beit(folder: Path) -> Path:
    torch.manual_seed(5)
    config = BeitConfig(**EYES, use_mean_pooling=True, use_absolute_position_embeddings=True)
    processor = BeitImageProcessor(size=SQUARE, do_center_crop=False)
    return save(folder, BeitModel(config), processor)


def resnet(folder: Path) -> Path:
    torch.manual_seed(12)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    return save(folder, ResNetModel(config), ViTImageProcessor(size=SQUARE))


def swin(folder: Path) -> Path:
    """A transformer that merges patches, so that its patch size does not tell the last grid."""
    torch.manual_seed(13)
    config = SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    return save(folder, SwinModel(config), ViTImageProcessor(size=SQUARE))


def bert(folder: Path) -> Path:
    torch.manual_seed(6)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(tokens)})
    config = BertConfig(**TINY, vocab_size=len(tokens), max_position_embeddings=40)
    return save(folder, BertModel(config, add_pooling_layer=False), tokenizer)


def roberta(folder: Path) -> Path:
    """A position table that starts behind the padding index, and a tokenizer without a limit."""
    from transformers import RobertaConfig, RobertaModel

    torch.manual_seed(7)
    tokenizer = letter_tokenizer(limit=None)
    config = RobertaConfig(
        **TINY, vocab_size=len(tokenizer), max_position_embeddings=24, pad_token_id=tokenizer.pad_token_id
    )
    return save(folder, RobertaModel(config, add_pooling_layer=False), tokenizer)


def clip(folder: Path) -> Path:
    torch.manual_seed(8)
    vocabulary = {token: index for index, token in enumerate([*LETTERS, *(f"{x}</w>" for x in LETTERS)])}
    start = len(vocabulary)
    vocabulary |= {"<|startoftext|>": start, "<|endoftext|>": start + 1}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=20)
    text = {
        **TINY,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": 20,
        "bos_token_id": start,
        "eos_token_id": start + 1,
    }
    config = CLIPConfig(text_config=text, vision_config=EYES, projection_dim=24)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE)
    return save(folder, CLIPModel(config), tokenizer, processor)


def siglip(folder: Path) -> Path:
    torch.manual_seed(9)
    tokenizer = letter_tokenizer(limit=16)
    text = {**TINY, "vocab_size": len(tokenizer), "max_position_embeddings": 16}
    config = SiglipConfig(text_config=text, vision_config=EYES)
    return save(folder, SiglipModel(config), tokenizer, SiglipImageProcessor(size=SQUARE))


def letter_tokenizer(*, limit: int | None) -> PreTrainedTokenizerFast:
    """One token a letter, `</s>` at the end, and no attention mask, as SigLIP's has none."""
    tokens = ["<unk>", "<pad>", "</s>", *LETTERS]
    backend = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    inputs = ["input_ids"] if limit else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token="</s>",
        model_input_names=inputs,
        **({"model_max_length": limit} if limit else {}),
    )


def gpt2(folder: Path) -> Path:
    """A causal decoder whose tokenizer has no padding token and adds nothing to a text."""
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(16)
    tokens = ["<|endoftext|>", *LETTERS, " "]
    backend = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<|endoftext|>")
    )
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        model_input_names=["input_ids", "attention_mask"],
    )
    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=2, n_positions=48, vocab_size=len(tokens), bos_token_id=0, eos_token_id=0
    )
    return save(folder, GPT2Model(config), tokenizer)


def t5(folder: Path) -> Path:
    """An encoder and a decoder; positions are relative, so that no text is too long."""
    from transformers import T5Config, T5Model

    torch.manual_seed(17)
    tokenizer = letter_tokenizer(limit=None)
    config = T5Config(
        d_model=32,
        d_kv=16,
        d_ff=48,
        num_layers=2,
        num_heads=2,
        vocab_size=len(tokenizer),
        decoder_start_token_id=1,
    )
    return save(folder, T5Model(config), tokenizer)


def byt5(folder: Path) -> Path:
    """A T5 that reads bytes, with a tokenizer written in Python."""
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    torch.manual_seed(19)
    tokenizer = ByT5Tokenizer()
    config = T5Config(d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, vocab_size=len(tokenizer))
    return save(folder, T5EncoderModel(config), tokenizer)


def opt(folder: Path) -> Path:
    """A causal decoder whose table of positions begins with two that are none, with its padding on the left."""
    from transformers import OPTConfig, OPTModel

    torch.manual_seed(18)
    tokenizer = letter_tokenizer(limit=None)
    tokenizer.padding_side = "left"
    config = OPTConfig(
        hidden_size=32,
        word_embed_proj_dim=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=30,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    return save(folder, OPTModel(config), tokenizer)


def siglip_masked(folder: Path) -> Path:
    """SigLIP with a tokenizer that gives an attention mask, which the model was not trained with."""
    siglip(folder)
    written = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    names = ["input_ids", "attention_mask"]
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**written, "model_input_names": names}), "utf-8"
    )
    return folder


def pipeline(
    folder: Path,
    *,
    base: str = "bert",
    mode: str = "cls",
    normalize: bool = True,
    prompts: dict[str, str] | None = None,
) -> Path:
    """A checkpoint with what Sentence Transformers saves beside it: pooling, normalization, prompts, a limit."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    words = Transformer(str(CHECKPOINTS[base](folder.with_name(f"{folder.name}-base"))), max_seq_length=24)
    modules = [words, Pooling(words.get_embedding_dimension(), pooling_mode=mode)]
    modules += [Normalize()] if normalize else []
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))
    return folder


def declared(folder: Path) -> Path:
    """A BERT that declares the first token, normalization, a prompt and a limit."""
    return pipeline(folder, prompts={"query": "asked: ", "document": "text: "})


OPEN_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def open_clip_vit(folder: Path) -> Path:
    torch.manual_seed(10)
    return save_open_clip(folder, open_clip.CLIP(**OPEN_CLIP), OPEN_CLIP)


def open_clip_coca(folder: Path) -> Path:
    torch.manual_seed(11)
    vision = {
        **OPEN_CLIP["vision_cfg"],
        "attentional_pool": True,
        "attn_pooler_heads": 2,
        "output_tokens": True,
    }
    text = {**OPEN_CLIP["text_cfg"], "context_length": 76, "embed_cls": True, "output_tokens": True}
    decoder = {**OPEN_CLIP["text_cfg"], "context_length": 76, "attn_pooler_heads": 2}
    config = {
        "embed_dim": 24,
        "vision_cfg": vision,
        "text_cfg": text,
        "multimodal_cfg": decoder,
        "custom_text": True,
    }
    built = CoCa(**{key: value for key, value in config.items() if key != "custom_text"})
    return save_open_clip(folder, built, config)


def open_clip_resnet(folder: Path) -> Path:
    """A convolutional image tower, as in RN50."""
    torch.manual_seed(14)
    vision = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}
    config = {**OPEN_CLIP, "vision_cfg": vision}
    return save_open_clip(folder, open_clip.CLIP(**config), config)


def open_clip_timm(folder: Path) -> Path:
    """An image tower from timm and a text tower from transformers, with its tokenizer in the same folder."""
    torch.manual_seed(15)
    bert(folder / "tower")
    vision = {"image_size": 32, "timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear"}
    text = {
        "context_length": 20,
        "hf_model_name": str(folder / "tower"),
        "hf_tokenizer_name": str(folder / "tower"),
        "hf_proj_type": "linear",
        "hf_pooler_type": "mean_pooler",
    }
    AutoTokenizer.from_pretrained(folder / "tower").save_pretrained(folder)
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text, "custom_text": True}
    built = open_clip.CustomTextCLIP(24, vision, text)
    return save_open_clip(folder, built, config)


def save_open_clip(folder: Path, model: torch.nn.Module, config: dict[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    preprocessing = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bicubic"}
    written = {"model_cfg": config, "preprocess_cfg": {**preprocessing, "resize_mode": "shortest"}}
    (folder / "open_clip_config.json").write_text(json.dumps(written), "utf-8")
    weights = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


CHECKPOINTS = {
    build.__name__: build
    for build in (
        vit,
        vit_without_pooler,
        vit_mae,
        dinov2,
        beit,
        resnet,
        swin,
        bert,
        roberta,
        clip,
        siglip,
        siglip_masked,
        gpt2,
        opt,
        t5,
        byt5,
        declared,
        open_clip_vit,
        open_clip_coca,
        open_clip_resnet,
        open_clip_timm,
    )
}
