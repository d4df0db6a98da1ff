"""Features for Amazon Sports from what is to be had of it: words of brand and category, and the image graph.

    python benchmarks/sports.py [--data DIR] [--runs DIR]

The words go through `ingest` and `extract --encoder minilm`. The 10-nearest-neighbor graph of the field's image
features, which themselves are not to be had, becomes a spectral embedding: a stand-in for image features, and
labeled so. Both are spaces of one feature set, RUNS/sports/features, by asin.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
from places import DATA, RUNS
from scipy import sparse
from scipy.sparse.linalg import eigsh

from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.open_source import open_source
from featurizer.encoders.resolve import load_encoders
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet

SPACE = "minilm_text+spectral_image"
DIM = 384


def feature_set(data: Path, runs: Path) -> FeatureSet:
    """Make the features, or open them where they are made already."""
    folder = runs / "sports"
    if (folder / "features" / "feature_set.json").exists():
        return FeatureSet.open(folder / "features")
    mapping = pl.read_csv(data / "i_id_mapping.csv", separator="\t").sort("itemID")
    text = text_features(mapping["asin"].to_list(), data / "asin_attributes.json.gz", folder)
    words, present = text.vectors("minilm_text")
    image = spectral_embedding(read_graph(data / "image_knn10.npz"), DIM)
    spaces = [
        ArraySpace("minilm_text", "text", words, present, text.spaces["minilm_text"]),
        ArraySpace(
            "spectral_image", "image", image, provenance={"source": "spectral embedding of image_knn10.npz"}
        ),
    ]
    source = {"name": "Amazon Sports: attribute words, image graph"}
    return write_arrays(folder / "features", text.item_ids(), spaces, source=source)


def text_features(asins: list[str], attributes: Path, folder: Path) -> FeatureSet:
    """Ingest every asin with its words, those without included, and encode the words."""
    folder.mkdir(parents=True, exist_ok=True)
    words = json.loads(gzip.decompress(attributes.read_bytes()))
    table = folder / "items.jsonl"
    rows = [json.dumps({"item_id": asin, "categories": words.get(asin, [])}) for asin in asins]
    table.write_text("\n".join(rows) + "\n", "utf-8")
    with ImageFetcher() as fetcher:
        catalog = ingest(open_source(str(table)), folder / "catalog", fetcher=fetcher)
    return extract(catalog, load_encoders(["minilm"]), folder / "text", ExtractOptions())


def read_graph(path: Path) -> sparse.csr_array:
    """Read the (n, n) neighbor weights."""
    found = np.load(path)
    size = int(found["n"])
    rows, columns = found["indices"]
    return sparse.csr_array((found["values"].astype(np.float64), (rows, columns)), shape=(size, size))


def spectral_embedding(graph: sparse.csr_array, dim: int) -> np.ndarray:
    """Return (n, dim) rows of length 1: the normalized Laplacian's leading eigenvectors.

    The graph is symmetrized by maximum; the least eigenvalues of I − D^-½ W D^-½ are the largest of the product.
    """
    weights = graph.maximum(graph.T)
    scale = np.maximum(weights.sum(1), 1e-12) ** -0.5
    normalized = sparse.diags_array(scale) @ weights @ sparse.diags_array(scale)
    start = np.random.default_rng(0).standard_normal(graph.shape[0])
    _, vectors = eigsh(normalized, k=dim, which="LA", v0=start, tol=1e-4)
    rows = vectors[:, ::-1]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS)
    options = parser.parse_args()
    data = options.data / "amazon-sports"
    if not data.is_dir():
        print(f"skipped, no amazon-sports in {options.data}")
        return
    made = feature_set(data, options.runs)
    print(f"{made.folder}: {made.rows:,} items, {', '.join(made.spaces)}")


if __name__ == "__main__":
    main()
