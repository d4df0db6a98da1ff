"""Feature sets to release: two spaces, some vectors missing."""

import numpy as np

from featurizer.features.arrays import ArraySpace, write_arrays

SOURCE = {"name": "my shop", "license": "CC0-1.0"}


def spaces(rows=6, dim=3, *, image="x_image", text="y_text", seed=0):
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((rows, dim)).astype(np.float32)
    provenance = {"family": "timm", "model": "m", "pooling": "mean", "text_recipe": None}
    return [
        ArraySpace(image, "image", vectors, np.arange(rows) % 3 != 1, provenance),
        ArraySpace(text, "text", generator.standard_normal((rows, dim + 1)).astype(np.float32)),
    ]


def make_set(out, rows=6, *, ids=None, source=SOURCE, seed=0, **options):
    names = ids or [f"i{row}" for row in range(rows)]
    return write_arrays(out, names, spaces(rows, seed=seed), source=source, **options)


def same_vectors(one, other):
    """Assert that two sets hold the same ids, spaces, nulls and bits."""
    assert one.item_ids() == other.item_ids()
    assert list(one.spaces) == list(other.spaces)
    for name, spec in one.spaces.items():
        for key in ("modality", "dim", "dtype", "null"):
            assert getattr(other.spaces[name], key) == getattr(spec, key)
        (rows, present), (again, there) = one.vectors(name), other.vectors(name)
        np.testing.assert_array_equal(present, there)
        assert rows[present].tobytes() == again[present].tobytes()
