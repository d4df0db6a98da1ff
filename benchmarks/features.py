"""Cold items: `aligned` against every single space, the joins that are tuned as it is, and controls.

    python benchmarks/features.py [--only sample,baby,sports] [--draws 0,1,2] [--controls 20] [--quick]

A draw takes a fifth of the items: all their interactions, of every split, are removed before anything is learned or
chosen. Profiles are the users' other train items, positives the cold items' interactions by users who have such a
profile, candidates the cold items among themselves. Everything that has a choice makes it by the inner folds of
`align`, on the remaining train rows. Baby and Sports are stand-ins: Baby's spaces are spectral embeddings of the
field's neighbor graphs (spectral_768.npy), Sports' text is TF-IDF and SVD of brand and category words, its image a
spectral embedding of image_knn10. The sample's users and pictures are synthetic. A finished draw is kept in RUNS.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from places import DATA, RUNS
from sports import read_graph, spectral_embedding

from featurizer.alignment.content import Axes, joined_content
from featurizer.alignment.fit import Alignment, fit
from featurizer.alignment.folds import Fold, fold_of, folds
from featurizer.alignment.options import AlignOptions
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.bootstrap import mean_intervals

OPTIONS = AlignOptions()
EVERYONE = 10**9


@dataclass(frozen=True)
class Shop:
    """Spaces by name, and who has what, in the train rows and in all."""

    spaces: dict[str, tuple[np.ndarray, np.ndarray]]
    train: UserItems
    all: UserItems


def shop(spaces, ids, interactions):
    items = pl.DataFrame({"item_id": ids, "item": np.arange(len(ids))})
    rows = interactions.join(items, on="item_id")
    users = rows["user_id"].unique().sort()
    rows = rows.join(pl.DataFrame({"user_id": users, "user": np.arange(len(users))}), on="user_id")
    made = [
        UserItems.from_pairs(
            part["user"].to_numpy(), part["item"].to_numpy(), n_users=len(users), n_items=len(ids)
        )
        for part in (rows.filter(pl.col("split") == "train"), rows)
    ]
    return Shop(spaces, *made)


def sample(data, runs):
    import featurizer as fz

    folder = runs / "sample"
    if not (folder / "features" / "feature_set.json").exists():
        catalog = fz.download("sample", out=folder / "catalog")
        fz.extract(catalog, encoders=["efficientnet-lite0", "minilm"], out=folder / "features")
    found = FeatureSet.open(folder / "features")
    spaces = {
        side: found.vectors(name)
        for side, name in (("image", "efficientnet-lite0_image"), ("text", "minilm_text"))
    }
    return shop(spaces, found.item_ids(), read_split(runs / "sample" / "catalog" / "interactions.parquet"))


def baby(data, runs):
    vectors = np.load(data / "amazon-baby" / "spectral_768.npy").astype(np.float32)
    there = np.ones(len(vectors), bool)
    spaces = {"image": (vectors[:, 384:], there), "text": (vectors[:, :384], there)}
    ids = [str(row) for row in range(len(vectors))]
    return shop(spaces, ids, read_split(data / "amazon-baby" / "baby.inter.gz"))


def sports(data, runs):
    folder, kept = data / "amazon-sports", runs / "features" / "sports.npz"
    mapping = folder / "i_id_mapping.csv"
    asins = pl.read_csv(mapping, separator="\t").sort("itemID")["asin"].to_list()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        words = json.loads(gzip.decompress((folder / "asin_attributes.json.gz").read_bytes()))
        texts = [" ".join(words.get(asin, [])) for asin in asins]
        image = spectral_embedding(read_graph(folder / "image_knn10.npz"), 384)
        np.savez(kept, image=image, text=tfidf(texts), there=np.array([bool(text) for text in texts]))
    with np.load(kept) as found:
        spaces = {
            "image": (found["image"], np.ones(len(asins), bool)),
            "text": (found["text"], found["there"]),
        }
    return shop(spaces, asins, read_split(folder / "sports.inter.gz", item_map=mapping))


def tfidf(texts):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(min_df=2, sublinear_tf=True).fit_transform(texts)
    return TruncatedSVD(384, random_state=0).fit_transform(words).astype(np.float32)


def cold_fold(data: Shop, seed: int) -> tuple[Fold, np.ndarray, UserItems]:
    n = data.train.n_items
    cold = np.sort(np.random.default_rng([seed, 9]).permutation(n)[: n // 5])
    inside = np.zeros(n, bool)
    inside[cold] = True
    warm, wanted = data.train.of_items(~inside), data.all.of_items(inside)
    users = np.concatenate([warm.users, wanted.users])
    items = np.concatenate([warm.items, wanted.items])
    both = UserItems.from_pairs(users, items, n_users=data.train.n_users, n_items=n)
    fold = fold_of(both, cold, EVERYONE, np.random.default_rng(0))
    return fold, inside, warm


def rivals(parts, names, warm, learned: Alignment, fold):
    """Every single space, the plain join, and the weighted and the half-whitened join as inner folds choose them."""
    for name, part in zip(names, parts, strict=True):
        yield name, joined_content([part], (1.0,))([part])
    yield "join", joined_content(parts, (1.0,) * len(parts))(parts)
    weighted = joined_content(parts, learned.choice.weights)
    yield "weighted join", weighted(parts)
    axes = Axes.of(weighted, parts)
    inner = list(folds(warm, OPTIONS.folds, OPTIONS.fold_users, OPTIONS.seed))
    tried = {
        width: float(
            np.mean([one.recall(axes.half_whitened(weighted, width)(parts)[one.rows]) for one in inner])
        )
        for width in OPTIONS.halved
        if width <= len(axes.variances)
    }
    best = max(tried, key=lambda width: tried[width])
    yield "half-whitened join", axes.half_whitened(weighted, best)(parts)


def run(data: Shop, seed: int):
    fold, _, warm = cold_fold(data, seed)
    names, parts = list(data.spaces), list(data.spaces.values())
    begun = time.process_time()
    learned = fit(parts, warm, OPTIONS)
    seconds = time.process_time() - begun
    own = fold.recalls(learned.mapping(parts)[0][fold.rows])
    rows = {"aligned": {"recall": float(own.mean())}}
    for name, vectors in rivals(parts, names, warm, learned, fold):
        values = fold.recalls(vectors[fold.rows])
        (interval,) = mean_intervals((own - values)[:, None], seed=0)
        rows[name] = {
            "recall": float(values.mean()),
            "gain": interval.mean,
            "low": interval.low,
            "high": interval.high,
        }
    return {
        "rows": rows,
        "users": len(own),
        "cold": len(fold.held),
        "floor": min(1.0, 20 / len(fold.held)),
        "choice": repr(learned.choice),
        "processor_seconds": seconds,
    }


def controls(data: Shop, seed: int, times: int):
    """Recall of `aligned` on noise of the same shape, and on content shuffled against the ids."""
    fold, _, warm = cold_fold(data, seed)
    found = {"noise": [], "shuffled": []}
    for draw in range(times):
        generator = np.random.default_rng([seed, 10, draw])
        order = generator.permutation(data.train.n_items)
        for name, parts in (
            (
                "noise",
                [(generator.standard_normal(v.shape).astype(np.float32), p) for v, p in data.spaces.values()],
            ),
            ("shuffled", [(v[order], p[order]) for v, p in data.spaces.values()]),
        ):
            learned = fit(parts, warm, OPTIONS, (1.0,) * len(parts))
            found[name].append(fold.recall(learned.mapping(parts)[0][fold.rows]))
    return {name: {"mean": float(np.mean(values)), "values": values} for name, values in found.items()}


def kept(path: Path, make):
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(make()))
    return json.loads(path.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--only", default="sample,baby,sports")
    parser.add_argument("--draws", default="0,1,2")
    parser.add_argument("--controls", type=int, default=20, help="on the sample, draw 0")
    parser.add_argument("--quick", action="store_true", help="the sample alone, one draw, two controls")
    options = parser.parse_args()
    only, draws, times = (
        options.only.split(","),
        [int(one) for one in options.draws.split(",")],
        options.controls,
    )
    if options.quick:
        only, draws, times = ["sample"], [0], 2
    made = {"sample": sample, "baby": baby, "sports": sports}
    for name in only:
        if name != "sample" and not (options.data / f"amazon-{name}").is_dir():
            print(f"skipped, no amazon-{name} in {options.data}")
            continue
        data = made[name](options.data, options.runs)
        folder = options.runs / "features"
        for draw in draws:
            found = kept(folder / f"{name}-{draw}.json", lambda data=data, draw=draw: run(data, draw))
            print(
                f"\n{name}, draw {draw}: {found['cold']:,} cold items, {found['users']:,} users, random floor "
                f"{found['floor']:.4f}, {found['processor_seconds']:.0f} processor seconds\n{found['choice']}\n"
            )
            print("| space | Recall@20 | aligned gains | 95 % |\n|---|---|---|---|")
            for space, row in found["rows"].items():
                gain = (
                    f"{row['gain']:+.4f} | {row['low']:+.4f} to {row['high']:+.4f}"
                    if "gain" in row
                    else "- | -"
                )
                print(f"| {space} | {row['recall']:.4f} | {gain} |", flush=True)
        if name == "sample" and times:
            found = kept(folder / f"controls-{times}.json", lambda data=data: controls(data, 0, times))
            for control, row in found.items():
                print(f"{control}: mean of {times} draws {row['mean']:.4f}", flush=True)


if __name__ == "__main__":
    main()
