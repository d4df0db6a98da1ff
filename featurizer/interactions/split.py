"""Splitting interactions into train, valid and test; seeded, vectorized, no pair lost."""

from __future__ import annotations

import logging

import numpy as np
import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.methods import cold_share

logger = logging.getLogger(__name__)
LEAST = 5.0
"""Percent; a smaller held-out part of a split by global time is said, as about ten are meant."""


def split(interactions: pl.DataFrame, method: str, *, seed: int = 0) -> pl.DataFrame:
    """Fill the column `split`; the rows come out ordered by user, item, so equal input gives equal bytes.

    Args:
        interactions: one row a user-item pair.
        method: `random` (MMRec's: per user shuffled; of n < 10 rows one is valid and one test, else 20 % are
            held out, the smaller half valid), `leave-one-out` (the last by time test, the one before valid, of equal
            times one by the draw; users with fewer than 3 rows all train), `global-time` (rows after the 80 %
            quantile of time valid, after the 90 % quantile test) or `cold-items:SHARE` (of such a share of the items,
            drawn, no row is train: those of one half are valid, of the other test).
        seed: of what is drawn; `global-time` draws nothing.

    Raises:
        UnknownName: no such method.
        InputError: a method by time, and rows without one; or too few items for the share.
    """
    ordered = interactions.sort("user_id", "item_id")
    if method == "random":
        return ordered.with_columns(_random(ordered, seed))
    share = cold_share(method)
    if share is not None:
        return ordered.with_columns(_cold_items(ordered, share, seed))
    missing = ordered["timestamp"].null_count()
    if missing:
        raise InputError(
            f"{missing:,} of {ordered.height:,} interactions have no timestamp; the split '{method}' needs one each. "
            + (
                "Name their column (in 'featurizer ingest' with --time-column)"
                if missing == ordered.height
                else "Fill it in, or leave these rows out"
            )
            + ", or split without times: random, or cold-items:SHARE"
        )
    named = _leave_one_out(ordered, seed) if method == "leave-one-out" else _global_time(ordered)
    return ordered.with_columns(named)


def _named(test: pl.Expr, valid: pl.Expr) -> pl.Expr:
    return (
        pl.when(test)
        .then(pl.lit("test"))
        .when(valid)
        .then(pl.lit("valid"))
        .otherwise(pl.lit("train"))
        .alias("split")
    )


def _random(ordered: pl.DataFrame, seed: int) -> pl.Expr:
    users = ordered["user_id"].rle_id().to_numpy().astype(np.int64)
    shuffle = np.random.default_rng(seed).permutation(ordered.height)
    n, place = _places(users, np.argsort(users * ordered.height + shuffle))
    held = pl.when(n < 10).then(2).otherwise(n // 5)
    valid = held // 2
    return _named((n >= 3) & (place >= valid) & (place < held), (n >= 3) & (place < valid))


def _cold_items(ordered: pl.DataFrame, share: float, seed: int) -> pl.Expr:
    items = ordered["item_id"].unique().sort()
    cold = int(share * len(items))
    if cold < 2:
        raise InputError(
            f"a share of {share:g} makes {cold} of {len(items)} items cold, expected at least one for valid and "
            "one for test; give a larger share"
        )
    drawn = items.gather(np.random.default_rng([seed, 9]).permutation(len(items))[:cold])
    valid, test = drawn[: cold // 2].to_list(), drawn[cold // 2 :].to_list()
    return _named(pl.col("item_id").is_in(test), pl.col("item_id").is_in(valid))


def _leave_one_out(ordered: pl.DataFrame, seed: int) -> pl.Expr:
    users, times = ordered["user_id"].rle_id().to_numpy(), ordered["timestamp"].to_numpy()
    drawn = np.random.default_rng(seed).permutation(ordered.height)
    order = np.lexsort((drawn, times, users))
    n, place = _places(users, order)
    tied, several = _tied_users(users[order], times[order])
    if tied:
        logger.warning(
            "%s of %s users have equal times where the last rows are told apart (%.1f %%): these are drawn by the seed",
            f"{tied:,}", f"{several:,}", 100 * tied / several,
        )  # fmt: skip
    return _named((n >= 3) & (place == n - 1), (n >= 3) & (place == n - 2))


def _tied_users(users: np.ndarray, times: np.ndarray) -> tuple[int, int]:
    """Count the users whose last row, or the one before, shares its time with an earlier one; and all with 3 rows.

    Args:
        users: the number of each row's user, ascending.
        times: of each row, ascending within a user.
    """
    ends = np.cumsum(np.bincount(users))
    ends = ends[np.diff(ends, prepend=0) >= 3]
    tied = (times[ends - 1] == times[ends - 2]) | (times[ends - 2] == times[ends - 3])
    return int(tied.sum()), len(ends)


def _places(users: np.ndarray, order: np.ndarray) -> tuple[pl.Expr, pl.Expr]:
    """Return for each row how many its user has, and its place among them when rows are taken in `order`.

    Args:
        users: the number of each row's user, from 0, ascending.
        order: a permutation of the rows that keeps users ascending.
    """
    counts = np.bincount(users)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return pl.lit(pl.Series(counts[users])), pl.lit(pl.Series(place))


def _global_time(ordered: pl.DataFrame) -> pl.Expr:
    times = ordered["timestamp"].to_numpy()
    eighty, ninety = np.quantile(times, (0.8, 0.9), method="higher")
    test, valid = times > ninety, (times > eighty) & (times <= ninety)
    shares = 100 * test.mean(), 100 * valid.mean()
    if min(shares) < LEAST:
        logger.warning(
            "so many rows share a time that %.1f %% of them are test and %.1f %% valid, where 10 %% each are meant: "
            "rows of one time stay together",
            *shares,
        )
    return _named(pl.lit(pl.Series(test)), pl.lit(pl.Series(valid)))
