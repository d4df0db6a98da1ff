"""A plug-in's encoder that costs next to nothing, so that what is measured is everything else; memory.py installs it.

`cheap:text-0` reads texts, `cheap:both-0` pictures too; the number is a seed. A text is the sum of its words' random
vectors, a picture its pixels at 16 x 8: 384 numbers each. As tokens, a text's words and a picture's 16 patches.
"""

from __future__ import annotations

import zlib

import numpy as np

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.family import EncoderFamily

DIM, BUCKETS = 384, 4096
SIDE, PATCH = 4, 24
PADDING, MASK, FIRST = 0, 1, 2


def spec(name, modality, seed, text=None):
    return EncoderSpec(
        name=name,
        modality=modality,
        dim=DIM,
        family="cheap",
        model=str(seed),
        revision=None,
        source="code",
        weight_hash=f"{seed:064}",
        pooling="mean",
        normalized=False,
        preprocessing={"library": "numpy"},
        request=text,
    )


def pixels(picture):
    return np.asarray(picture.resize((16, 8)), np.float32).reshape(-1) / 255 + 0.01


class Cheap:
    """One modality."""

    def __init__(self, request, modality, seed):
        self.spec = spec(request.name, modality, seed, request.text)
        self.table = np.random.default_rng(seed).standard_normal((BUCKETS, DIM), np.float32)

    def prepare(self, value):
        """Return 384 numbers of one item."""
        if self.spec.modality == "image":
            return pixels(value)
        return self.table[[zlib.crc32(word.encode()) % BUCKETS for word in value.split()]].sum(0)

    def encode(self, prepared):
        """Put them together."""
        return np.stack(prepared) if len(prepared) else np.zeros((0, DIM), np.float32)


def load(request):
    sides, _, seed = request.model.partition("-")
    return [Cheap(request, one, int(seed)) for one in (("image", "text") if sides == "both" else ("text",))]


def load_tokens(request):
    from featurizer.encoders.tokens import TokenSpec

    image = TokenSpec(
        pooled=spec(request.name, "image", 0),
        dim=PATCH,
        layers=("pixels",),
        grid=(SIDE, SIDE),
        max_tokens=SIDE * SIDE,
    )
    text = TokenSpec(
        pooled=spec(request.name, "text", 0),
        dim=DIM,
        layers=("words",),
        max_tokens=24,
        vocabulary=BUCKETS,
        mask_id=MASK,
        padding_id=PADDING,
        tokenizer="2" * 64,
    )
    return [Patches(image), Words(text)]


class Patches:
    """A picture's 384 numbers as 16 patches of 24."""

    def __init__(self, spec):
        self.spec = spec

    def prepare(self, picture):
        """Return 384 numbers of one picture."""
        import torch

        return torch.from_numpy(pixels(picture))

    def encode(self, prepared):
        """Return each picture's patches, and the whole."""
        import torch

        from featurizer.encoders.tokens import TokenBatch

        whole = torch.stack(list(prepared))
        return TokenBatch(whole.view(len(whole), SIDE * SIDE, PATCH), whole)


class Words:
    """A text as its words, a token each."""

    def __init__(self, spec):
        import torch

        self.spec = spec
        self.table = torch.randn(BUCKETS, DIM, generator=torch.Generator().manual_seed(0))

    def tokenize(self, texts):
        """Return the words of each text as ids."""
        from featurizer.encoders.tokens import TokenizedText

        most = self.spec.max_tokens
        cut = [text.split()[:most] or [""] for text in texts]
        ids = [[FIRST + zlib.crc32(word.encode()) % (BUCKETS - FIRST) for word in words] for words in cut]
        return [TokenizedText(np.array(one, np.int32), np.arange(len(one), dtype=np.int32)) for one in ids]

    def encode(self, ids, mask):
        """Return each word's vector, and their mean."""
        from featurizer.encoders.tokens import TokenBatch

        states = self.table[ids] * mask[:, :, None].float()
        return TokenBatch(states, states.sum(dim=1) / mask.sum(dim=1, keepdim=True))

    def embed(self, ids):
        """Return the vector of each id."""
        return self.table[ids]


FAMILY = EncoderFamily(name="cheap", load=load, load_tokens=load_tokens)
