"""Token encoders small enough to train on in a second: patches of color, words of a fixed vocabulary."""

import numpy as np
import torch
from PIL import Image

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.tokens import NO_WORD, TokenBatch, TokenizedText, TokenSpec

SIDE = 4
WORDS = ["red", "green", "blue", "big", "small", "round", "flat", "toy", "lamp", "chair"]
COLORS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
PADDING, START, MASK, FIRST = 0, 1, 2, 3


def pooled_spec(name, modality, dim, weight_hash="0" * 64, pooling="mean"):
    return EncoderSpec(
        name=name,
        modality=modality,
        dim=dim,
        family="small",
        model=name,
        revision=None,
        source="folder",
        weight_hash=weight_hash,
        pooling=pooling,
        normalized=False,
        preprocessing={"library": "small"},
    )


class Patches:
    """A picture as 4 × 4 patches: mean color and its square, six numbers each."""

    spec = TokenSpec(
        pooled=pooled_spec("patches", "image", 6, pooling="cls"),
        dim=6,
        layers=("pixels",),
        grid=(SIDE, SIDE),
        max_tokens=SIDE * SIDE,
    )

    def prepare(self, image: Image.Image) -> torch.Tensor:
        pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255
        return torch.from_numpy(pixels.reshape(-1, 3))

    def encode(self, prepared) -> TokenBatch:
        colors = torch.stack(list(prepared))
        states = torch.cat([colors, colors.square()], dim=2)
        return TokenBatch(states, states.mean(dim=1))


class Words:
    """A text as words, two tokens each (the word, then its ending), mixed a little with their neighbors."""

    def __init__(self, *, weight_hash="1" * 64):
        generator = torch.Generator().manual_seed(7)
        self.table = torch.randn(FIRST + 2 * len(WORDS), 8, generator=generator)
        self.spec = TokenSpec(
            pooled=pooled_spec("words", "text", 8, weight_hash),
            dim=8,
            layers=("mix",),
            max_tokens=24,
            vocabulary=len(self.table),
            mask_id=MASK,
            padding_id=PADDING,
            tokenizer="2" * 64,
        )

    def tokenize(self, texts):
        found = []
        for text in texts:
            ids, words = [START], [NO_WORD]
            for number, word in enumerate(text.lower().split()[:11]):
                place = WORDS.index(word) if word in WORDS else 0
                ids += [FIRST + 2 * place, FIRST + 2 * place + 1]
                words += [number, number]
            found.append(TokenizedText(np.array(ids, np.int32), np.array(words, np.int32)))
        return found

    def encode(self, ids, mask) -> TokenBatch:
        weights = mask[:, :, None].float()
        own = self.table[ids] * weights
        mean = own.sum(dim=1) / weights.sum(dim=1)
        return TokenBatch((own + 0.5 * mean[:, None]) * weights, mean)

    def embed(self, ids):
        return self.table[ids]
