import io

import numpy as np
import pytest
import torch
from PIL import Image

from featurizer.ica.initialize import build
from featurizer.ica.options import Architecture, IcaOptions, Masking, Objective, Training
from featurizer.ica.token_store import TokenEncoders, cache_tokens
from featurizer.records import ImageRef, ItemRecord
from tests.support.items import make_catalog
from tests.support.small_tokens import COLORS, WORDS, Patches, Words


def picture(color, seed):
    noise = np.random.default_rng(seed).integers(-15, 15, (16, 16, 3))
    pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def record(n):
    """An item whose first word is its picture's color; every 7th has no picture, every 13th no text."""
    rng = np.random.default_rng([n, 3])
    color = list(COLORS)[rng.integers(3)]
    words = [color, *(WORDS[place] for place in rng.permutation(np.arange(3, 10))[: n % 3 + 1])]
    return ItemRecord(
        f"i{n}",
        title=None if n % 13 == 12 else " ".join(words),
        image=ImageRef() if n % 7 == 6 else ImageRef(data=picture(color, n)),
    )


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("ica") / "c", [record(n) for n in range(120)], part_rows=50)


@pytest.fixture(scope="session")
def encoders():
    return TokenEncoders(Patches(), Words())


@pytest.fixture(scope="session")
def store(catalog, encoders, tmp_path_factory):
    return cache_tokens(catalog, encoders, tmp_path_factory.mktemp("ica") / "tokens")


@pytest.fixture(scope="session")
def options():
    return IcaOptions(
        architecture=Architecture(width=16, layers=2, heads=2, fused_layers=1, expansion=2),
        masking=Masking(),
        objective=Objective(codes=6),
        training=Training(epochs=2, batch_size=16, learning_rate=3e-3, patience=99, valid_share=0.2),
    )


def shaken(model):
    torch.manual_seed(1)
    with torch.no_grad():
        for module in (model.transformer, model.residual):
            for value in () if module is None else module.parameters():
                value.add_(0.2 * torch.randn_like(value))
    return model


def by_the_paper(options, **objective):
    return options.replaced(objective=options.objective.replaced(method="alignrec", **objective))


@pytest.fixture
def built(store, encoders, options):
    """A model with its closed-form parts fitted; its branches are shaken, so that no layer passes all on."""
    model, heads = build(store, range(96), options)
    return shaken(model).eval(), heads.eval()
