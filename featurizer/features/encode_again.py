"""Some items encoded again: are the stored vectors what the recorded encoders make of the catalog?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.catalog.store import Catalog
from featurizer.catalog.stored_pictures import StoredPicture, picture_columns, stored_pictures
from featurizer.encoders.base import AnyEncoder, Dtype, Images, Pair, Vectors
from featurizer.encoders.mean_of_pictures import MeanOfPictures
from featurizer.encoders.naming import found_request, local_folder, told_request
from featurizer.encoders.resolve import load_encoders
from featurizer.encoders.starting import start_taken
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.lookup import read_rows
from featurizer.features.options import BATCH_SIZE
from featurizer.features.schema import arrow_to_vectors
from featurizer.results.state import read_state, state_file

TOLERANCE = {"float32": 1e-4, "float16": 1e-2}
"""Largest difference between a stored and a recomputed value, relative to the vector's largest value."""
DTYPES: Mapping[str, Dtype] = {
    "float32": "float32",
    "tf32": "tf32",
    "float16": "float16",
    "bfloat16": "bfloat16",
}


def check_catalog(feature_set: FeatureSet, catalog: Catalog) -> None:
    """Refuse a catalog that a feature set cannot have been made from.

    Raises:
        InputError: it has another number of items.
    """
    if catalog.rows != feature_set.rows:
        raise InputError(
            f"{catalog.folder} has {catalog.rows} items, {feature_set.folder} {feature_set.rows}; "
            "give the catalog it was made from"
        )


def verify_sample(
    feature_set: FeatureSet, catalog: Catalog, encoders: Sequence[AnyEncoder], *, sample: int, seed: int = 0
) -> list[str]:
    """Encode `sample` random items again and say which stored vectors differ.

    Raises:
        InputError: the catalog is not the one the features were made from, or none of the encoders made them.
    """
    check_catalog(feature_set, catalog)
    made = [
        _as_recorded(encoder, feature_set) for encoder in encoders if encoder.spec.space in feature_set.spaces
    ]
    if not made:
        raise InputError(
            f"the encoders make {', '.join(encoder.spec.space for encoder in encoders)}, but {feature_set.folder} "
            f"holds {', '.join(feature_set.spaces)}; expected at least one encoder that made a space of it, "
            "named as it was then: --encoder NAME=FAMILY:PATH makes NAME_text and NAME_image"
        )
    chosen = np.sort(
        np.random.default_rng(seed).choice(catalog.rows, min(sample, catalog.rows), replace=False)
    )
    items = [
        item
        for batch in catalog.batches(["item_id", "text", *picture_columns(catalog.schema)], chosen.tolist())
        for item in batch.to_pylist()
    ]
    ids = read_rows(feature_set, ["item_id"], chosen).column("item_id").to_pylist()
    problems = [
        f"row {row} is item {found}, in the catalog {item['item_id']}"
        for row, found, item in zip(chosen, ids, items, strict=True)
        if found != item["item_id"]
    ]
    for encoder in made:
        problems += _compare(feature_set, encoder, chosen, items)
    return problems


def _as_recorded(encoder: AnyEncoder, feature_set: FeatureSet) -> AnyEncoder:
    meant = feature_set.spaces[encoder.spec.space].images == "mean" and encoder.spec.images is None
    return MeanOfPictures.of(encoder) if meant else encoder


def _compare(
    feature_set: FeatureSet, encoder: AnyEncoder, chosen: np.ndarray, items: Sequence[dict[str, object]]
) -> Iterator[str]:
    space = encoder.spec.space
    recorded = feature_set.spaces[space]
    if recorded.weight_hash != encoder.spec.weight_hash:
        yield f"{space}: the encoder's weights differ from those recorded"
        return
    vectors, present = arrow_to_vectors(read_rows(feature_set, [space], chosen).column(space))
    inputs = [_input(encoder, item) for item in items]
    given = [index for index, value in enumerate(inputs) if value is not None]
    fresh: dict[int, Vectors] = {}
    for start in range(0, len(given), BATCH_SIZE):
        batch = given[start : start + BATCH_SIZE]
        started = start_taken(encoder, [inputs[index] for index in batch])
        fresh.update(zip([batch[place] for place in started.places], started.vectors(), strict=True))
    for index, vector in fresh.items():
        if not present[index] and not np.isfinite(vector).all():
            continue
        if not present[index]:
            yield f"{space}: item {items[index]['item_id']} is null, but encodes to a vector"
            continue
        gap = float(np.abs(vectors[index] - vector).max() / max(np.abs(vector).max(), 1e-12))
        if not gap <= TOLERANCE[recorded.dtype]:
            yield f"{space}: item {items[index]['item_id']} differs from its re-encoding by {gap:.2g} of its scale"
    for index in set(range(len(items))) - fresh.keys():
        if present[index]:
            yield f"{space}: item {items[index]['item_id']} has a vector, but nothing to encode"


def _input(encoder: AnyEncoder, item: Mapping[str, Any]) -> object | None:
    """Return what an encoder takes of an item; None where there is nothing to encode."""
    if encoder.spec.modality == "text":
        return None if item["text"] is None else encoder.prepare(item["text"])
    stored, several = stored_pictures(item), encoder.spec.images is not None
    asked = {one.sha256: one for one in stored}.values() if several else stored[:1]
    pictures = [one for one in map(_decoded, asked) if one is not None]
    if encoder.spec.modality == "both":
        nothing = not pictures and item["text"] is None
        return None if nothing else encoder.prepare(Pair.of(pictures, item["text"]))
    prepared = [encoder.prepare(one) for one in pictures]
    return prepared or None if several else next(iter(prepared), None)


def _decoded(picture: StoredPicture) -> Image | None:
    if picture.data is None:
        return None
    try:
        found: Image = decode(picture.data)
    except UndecodableImage:
        return None
    return found


def recorded_encoders(
    feature_set: FeatureSet, *, device: str = "auto", named: Sequence[str] = (), trusted: Sequence[str] = ()
) -> list[AnyEncoder]:
    """Load the encoders that a feature set was made with, as they were: dtype and masked modality too.

    Args:
        feature_set: the set.
        device: `auto` or a torch device.
        named: the encoders with their folders, where those are not found: a manifest tells a folder's name alone. It is
            looked for where the set was made (as the state book beside it says), beside the set and around it.
        trusted: the repositories whose own code may be run, `REPO@COMMIT`; the set's manifest alone lets none run.

    Raises:
        InputError: it records none: its vectors were imported, or made by encoders without a request.
        FeaturizerError: one of them cannot be loaded.
    """
    requests, mask = feature_set.manifest.requests, feature_set.manifest.mask
    if not requests:
        raise _no_encoder(feature_set)
    computed = [spec.compute_dtype for spec in feature_set.spaces.values()]
    dtype: Dtype = next((DTYPES[name] for name in computed if name is not None and name in DTYPES), "float32")
    found = named or _found(feature_set, requests)
    lost = [one for one in found if (where := local_folder(one)) is not None and not where.is_dir()]
    if lost and not named:
        raise InputError(
            f"{feature_set.folder} was made with {', '.join(lost)}, a folder that is not found here; "
            "expected it in this folder or beside the set. Say where it lies, under the name of its space: --encoder "
            "NAME=FAMILY:PATH makes NAME_text and NAME_image"
        )
    together = any(spec.images == "all" for spec in feature_set.spaces.values())
    images: Images = "all" if together else "first"
    return load_encoders(found, device=device, dtype=dtype, mask=mask, trusted=trusted, images=images)


def _found(feature_set: FeatureSet, requests: Sequence[str]) -> list[str]:
    folder = feature_set.folder.absolute()
    state = read_state(state_file(folder, "extract"))
    options = state.request.get("options") if state is not None else None
    encoders = options.get("encoders") if isinstance(options, dict) else None
    made_with = [str(one) for one in encoders] if isinstance(encoders, list) else []
    there = all(where is None or where.is_dir() for where in map(local_folder, made_with))
    if there and [told_request(one) for one in made_with] == list(requests):
        return made_with
    return [found_request(one, (Path.cwd(), folder.parent, folder.parent.parent)) for one in requests]


def _no_encoder(feature_set: FeatureSet) -> InputError:
    source = feature_set.manifest.source
    imported = source is not None and "imported" in source.document()
    how = "was imported" if imported else "was made from arrays or by encoders put together by hand"
    return InputError(
        f"{feature_set.folder} {how}: its manifest names no encoder, so its items cannot be encoded again. Leave "
        "--sample out; everything else that is verified needs no encoder."
    )
