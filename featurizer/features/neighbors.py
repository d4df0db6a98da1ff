"""Nearest neighbors by cosine, in blocks: never an (n, n) matrix in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCK = 1024


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return (n, d) float32 rows of length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each query row's k nearest other rows by cosine: ((q, k) indices, (q, k) cosines), best first.

    Args:
        vectors: (n, d) rows, not all zero.
        queries: (q,) indices into `vectors`.
        k: how many, less than n.

    Equal cosines are ordered by index.
    """
    units = unit_rows(vectors)
    found, cosines = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        scores = units[rows] @ units.T
        scores[np.arange(len(rows)), rows] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k] if k > 1 else scores.argmax(1)[:, None]
        found[start : start + len(rows)] = order
        cosines[start : start + len(rows)] = np.take_along_axis(scores, order, axis=1)
    return found, cosines


def label_accuracy(vectors: np.ndarray, labels: Sequence[str]) -> float:
    """Return the share of rows whose nearest other row by cosine has the same label (leave-one-out 1-NN).

    Args:
        vectors: (n, d), n at least 2.
        labels: n labels.
    """
    names = np.asarray(labels)
    index, _ = nearest(vectors, np.arange(len(vectors)), 1)
    return float((names[index[:, 0]] == names).mean())
