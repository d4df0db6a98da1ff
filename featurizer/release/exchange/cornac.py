"""`cornac`: arrays for `ImageModality` and `TextModality`, ids beside them, and triples for `Reader`.

`SPACE.npy` with `item_ids.json` are `features` and `ids` of a modality; `train.tsv`, `valid.tsv` and `test.tsv` (or
`interactions.tsv`, without splits) are read with `fmt="UIR"`, or `"UIRT"` where there are times.
"""

from __future__ import annotations

from pathlib import Path

from featurizer.release.exchange.content import Content, check_text_ids, partitions
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IDS, write_ids, write_triples
from featurizer.release.exchange.npy import guess, read, safe_name, write_array


def write(content: Content, folder: Path) -> Files:
    """Write the folder, arrays as float32."""
    files = {space.name: f"{safe_name(space.name)}.npy" for space in content.spaces}
    for space in content.spaces:
        write_array(folder / files[space.name], space)
    write_ids(folder / IDS, content.item_ids)
    if content.interactions is not None:
        check_text_ids(content.item_ids, "item")
        check_text_ids(content.interactions["user_id"].unique(maintain_order=True).to_list(), "user")
        for name, rows in partitions(content.interactions).items():
            write_triples(rows, folder / ("interactions.tsv" if name == "all" else f"{name}.tsv"))
    return files


FORMAT = Format("cornac", read, guess, write)
