"""Small checkpoints with random weights of models that read pictures and texts, in the layouts of the Hub's."""

import json
from pathlib import Path

import torch
from encoder_checkpoints import CHECKPOINTS, EYES, SQUARE, TINY, letter_tokenizer, save
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPImageProcessor,
    CLIPProcessor,
    CLIPTokenizer,
    DINOv3ViTConfig,
    DINOv3ViTImageProcessor,
    DINOv3ViTModel,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
PADS = ("<|image_pad|>", "<|video_pad|>")
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' %}{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- else %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""How Qwen3-VL is talked to, as far as embeddings need it."""
INSTRUCTION = "Represent the user's input."
"""What Qwen3-VL-Embedding is told where nothing else is asked of it."""
BASE = "sentence_transformers.base.modules"
DENSE = "sentence_transformers.sentence_transformer.modules"


def byte_tokenizer(**options: object) -> Qwen2Tokenizer:
    """Qwen's tokenizer without merges: one token a byte."""
    vocabulary = {token: index for index, token in enumerate(sorted(ByteLevel.alphabet()))}
    return Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        additional_special_tokens=[*SPECIAL[1:], *PADS],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        **options,
    )


def qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL-Embedding: the weights of the generating model, and how its last token becomes a vector."""
    tokenizer = byte_tokenizer(model_max_length=320)
    ids = dict(zip((*SPECIAL, *PADS), tokenizer.convert_tokens_to_ids([*SPECIAL, *PADS]), strict=True))
    text = {
        **TINY,
        "vocab_size": len(tokenizer),
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "rope_scaling": {"rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True},
        "pad_token_id": ids["<|endoftext|>"],
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 8,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(
            patch_size=8, size={"shortest_edge": 256, "longest_edge": 4096}
        ),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(patch_size=8),
        chat_template=TEMPLATE,
    )
    torch.manual_seed(31)
    save(folder, Qwen3VLForConditionalGeneration(config), processor)
    forward = {"method": "forward", "method_output_name": "last_hidden_state"}
    described(
        folder,
        ("Transformer", "Pooling", "Normalize"),
        transformer={
            "transformer_task": "feature-extraction",
            "modality_config": {
                **dict.fromkeys(("text", "image", "video"), forward),
                "message": {**forward, "format": "structured"},
            },
            "module_output_name": "token_embeddings",
            "processing_kwargs": {"chat_template": {"add_generation_prompt": True}},
        },
        prompts={"query": INSTRUCTION, "document": INSTRUCTION},
    )
    return folder


def qwen3(folder: Path) -> Path:
    """Qwen3-Embedding: a causal model; every text ends in a token of its own, whose state is the vector."""
    tokenizer = byte_tokenizer(padding_side="left", model_max_length=256)
    end = "<|endoftext|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, tokenizer.convert_tokens_to_ids(end))]
    )
    config = Qwen3Config(
        **TINY, vocab_size=len(tokenizer), num_key_value_heads=1, head_dim=16, max_position_embeddings=256
    )
    torch.manual_seed(32)
    save(folder, Qwen3ForCausalLM(config), tokenizer)
    prompts = {"query": "Instruct: find products\nQuery:", "document": ""}
    described(folder, ("Transformer", "Pooling", "Normalize"), prompts=prompts)
    return folder


def described(
    folder: Path,
    kinds: tuple[str, ...],
    *,
    transformer: dict[str, object] | None = None,
    pooling: str = "lasttoken",
    prompts: dict[str, str] | None = None,
) -> None:
    """Write what Sentence Transformers reads beside a checkpoint."""
    homes = {
        "Transformer": f"{BASE}.transformer",
        "Pooling": f"{DENSE}.pooling",
        "Normalize": f"{BASE}.normalize",
    }
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{kind}" if index else "",
            "type": f"{homes[kind]}.{kind}",
        }
        for index, kind in enumerate(kinds)
    ]
    files = {
        "modules.json": modules,
        "sentence_bert_config.json": transformer or {},
        "config_sentence_transformers.json": {
            "prompts": prompts or {},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
            "model_type": "SentenceTransformer",
        },
        "1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": pooling, "include_prompt": True},
    }
    for name, contents in files.items():
        if name.startswith("1_") and "Pooling" not in kinds:
            continue
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(contents), "utf-8")


def clip_pipeline(folder: Path) -> Path:
    """CLIP as Sentence Transformers has it: one module, of pictures and of texts, each by itself."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    base = CHECKPOINTS["clip"](folder.with_name(f"{folder.name}-base"))
    CLIPProcessor(
        CLIPImageProcessor.from_pretrained(base), CLIPTokenizer.from_pretrained(base)
    ).save_pretrained(base)
    SentenceTransformer(modules=[Transformer(str(base))], device="cpu").save(str(folder))
    return folder


def router(folder: Path) -> Path:
    """A way for texts and another for pictures, each with its own model, to vectors of one length."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    torch.manual_seed(33)
    bert, vit = (
        Transformer(str(CHECKPOINTS[name](folder.with_name(f"{folder.name}-{name}"))))
        for name in ("bert", "vit")
    )
    ways = {
        "text": [bert, Pooling(32, pooling_mode="mean"), Normalize()],
        "image": [vit, Pooling(32, pooling_mode="mean"), Dense(32, 32), Normalize()],
    }
    SentenceTransformer(modules=[Router(ways)], device="cpu").save(str(folder))
    return folder


def siglip2(folder: Path) -> Path:
    """SigLIP 2 of a fixed resolution: SigLIP's architecture, with a tokenizer that puts texts into small letters."""
    torch.manual_seed(34)
    tokenizer = letter_tokenizer(limit=16)
    text = {**TINY, "vocab_size": len(tokenizer), "max_position_embeddings": 16}
    config = SiglipConfig(text_config=text, vision_config=EYES)
    return save(folder, SiglipModel(config), SiglipProcessor(SiglipImageProcessor(size=SQUARE), tokenizer))


def dinov3(folder: Path) -> Path:
    """DINOv3: a ViT with registers and rotary positions."""
    torch.manual_seed(35)
    config = DINOv3ViTConfig(**EYES, num_register_tokens=4)
    return save(folder, DINOv3ViTModel(config), DINOv3ViTImageProcessor(size=SQUARE))


JOINT_CHECKPOINTS = {
    build.__name__: build for build in (qwen3_vl, qwen3, clip_pipeline, router, siglip2, dinov3)
}
