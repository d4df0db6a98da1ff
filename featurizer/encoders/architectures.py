"""The papers of architectures that several libraries have, so that no family lists them alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from featurizer.papers import Paper

SENTENCE_BERT = Paper(
    "reimers2019sbert",
    "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks",
    "Reimers, Nils and Gurevych, Iryna",
    2019,
    "EMNLP",
)
ARCHITECTURES: Mapping[str, Paper] = MappingProxyType({
    r"(?<!si)(?<!open_)clip": Paper(
        "radford2021clip", "Learning Transferable Visual Models From Natural Language Supervision",
        "Radford, Alec and others", 2021, "ICML",
    ),
    r"siglip": Paper(
        "zhai2023siglip", "Sigmoid Loss for Language Image Pre-Training", "Zhai, Xiaohua and others", 2023, "ICCV"
    ),
    r"dinov2": Paper(
        "oquab2024dinov2", "DINOv2: Learning Robust Visual Features without Supervision",
        "Oquab, Maxime and others", 2024, "TMLR",
    ),
    r"(?<![a-z])vit(?![a-z])": Paper(
        "dosovitskiy2021vit", "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        "Dosovitskiy, Alexey and others", 2021, "ICLR",
    ),
    r"resnet": Paper(
        "he2016resnet", "Deep Residual Learning for Image Recognition",
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian", 2016, "CVPR",
    ),
    r"efficientnet": Paper(
        "tan2019efficientnet", "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        "Tan, Mingxing and Le, Quoc V.", 2019, "ICML",
    ),
    r"sentence-transformers|sbert": SENTENCE_BERT,
    r"minilm": Paper(
        "wang2020minilm",
        "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers",
        "Wang, Wenhui and others", 2020, "NeurIPS",
    ),
    r"(?<![a-z])bert(?![a-z])": Paper(
        "devlin2019bert", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        "Devlin, Jacob and Chang, Ming-Wei and Lee, Kenton and Toutanova, Kristina", 2019, "NAACL",
    ),
    r"(?<![a-z])e5(?![a-z])": Paper(
        "wang2022e5", "Text Embeddings by Weakly-Supervised Contrastive Pre-training",
        "Wang, Liang and others", 2022, "arXiv:2212.03533",
    ),
    r"(?<![a-z])bge(?![a-z])": Paper(
        "xiao2023cpack", "C-Pack: Packed Resources For General Chinese Embeddings",
        "Xiao, Shitao and others", 2023, "arXiv:2309.07597",
    ),
})  # fmt: skip
"""By a pattern over the model's name in small letters."""
