"""How a catalog differs from the one before it: which items are new and gone, and what of the others is another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Final
from zlib import crc32

import polars as pl
import pyarrow.parquet as pq

from featurizer.catalog.old_catalog import WITHDRAWN, Gone
from featurizer.catalog.schema import SEVERAL, core_names, extra_name, has_several
from featurizer.catalog.store import Catalog
from featurizer.catalog.stored_pictures import FIRST
from featurizer.catalog.text import FIELDS, TextRecipe
from featurizer.records import Json

DIGESTS: Final = ("text", "worded", "picture", "address", "others")


def changes(old: Catalog, new: Sequence[Path], recipe: TextRecipe, gone: Gone) -> dict[str, Json]:
    """Count the items that are new and gone, and those of another text, another picture, or other fields beside.

    A field counts by itself where it changes neither the text that it enters nor the picture that it names; a column
    that is new, or gone, where it holds something.

    Args:
        old: the catalog before.
        new: the parts of the one now.
        recipe: which fields enter the text.
        gone: what becomes of items that the source has no more; where they are kept, a column of the catalog's own
            marks them, and a source's column of that name is one like others.
    """
    before = _digests(old.parts, recipe, marked=old.manifest.config.get("gone") == "keep")
    now = _digests(new, recipe, marked=gone == "keep")
    both = now.join(before, on="item_id", suffix="_before")
    differs = {name: both[name] != both[f"{name}_before"] for name in DIGESTS}
    text, picture = differs["text"], differs["picture"]
    fields = differs["others"] | (differs["worded"] & ~text) | (differs["address"] & ~picture)
    return {
        "new": now.height - both.height,
        "gone": before.height - both.height,
        "withdrawn": int(now["withdrawn"].sum()),
        "text": int(text.sum()),
        "picture": int(picture.sum()),
        "fields": int(fields.sum()),
        "unchanged": both.height - int((text | picture | fields).sum()),
    }


def _digests(parts: Sequence[Path], recipe: TextRecipe, *, marked: bool) -> pl.DataFrame:
    """Return of each item a number for its text, for the fields that enter it, its picture, its address, all else."""
    return pl.concat(_digests_of(path, recipe, {WITHDRAWN} if marked else set()) for path in parts)


def _digests_of(path: Path, recipe: TextRecipe, marks: Collection[str]) -> pl.DataFrame:
    schema = pq.read_schema(path)
    several = has_several(schema)
    names = [name for name in schema.names if name not in ("image", "attempts", "images" if several else "")]
    rows = pl.read_parquet(path, columns=names)
    core = core_names(schema)
    worded = {*FIELDS, *(extra_name(name, core) for name in recipe.own)}
    pictures = {*FIRST, *(SEVERAL.names if several else ())}
    others = [name for name in names if name not in {"item_id", "text", *marks, *pictures, *worded}]
    outcomes = rows["image_outcomes"].list.slice(1) if several else pl.repeat(None, rows.height, eager=True)
    return rows.with_columns(outcomes.alias("further")).select(
        "item_id",
        text=_digest(["text"]),
        worded=_digest([name for name in names if name in worded]),
        picture=_digest(["image_status", "image_sha256"]) ^ _of_further("status", "sha256", several=several),
        address=_digest(["image_url"]) ^ _of_further("url", several=several),
        others=_digest(others),
        withdrawn=WITHDRAWN if marks else pl.lit(value=False),
    )


def _digest(names: Collection[str]) -> pl.Expr:
    """Return a number for some cells of a row, whatever their order; those that hold nothing add nothing."""
    cells = [pl.col(name).hash(seed=crc32(name.encode())) for name in names]
    held = [
        pl.when(pl.col(name).is_null()).then(0).otherwise(cell)
        for name, cell in zip(names, cells, strict=True)
    ]
    return reduce(xor, held, pl.lit(0, pl.UInt64))


def _of_further(*names: str, several: bool) -> pl.Expr:
    """Return a number for what became of an item's pictures beside the first; 0 where it names no others."""
    if not several:
        return pl.lit(0, pl.UInt64)
    one = pl.element().struct
    told = pl.concat_str([one.field(name) for name in names], separator=" ", ignore_nulls=True)
    text = pl.col("further").list.eval(told).list.join("\n")
    return pl.when(text.fill_null("") == "").then(0).otherwise(text.hash(seed=1))
