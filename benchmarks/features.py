"""Cold items: `aligned` against every single space, the joins that are tuned as it is, and controls.

    python benchmarks/features.py [--only sample,baby,sports] [--draws 0,1,2] [--controls 20] [--quick]

Judged as `score-features --metrics cold` does: a draw takes a fifth of the items, all their interactions, of every
split, are removed before anything is learned or chosen, and the cold items are ranked among themselves for all users
who have a warm train item and a cold one. Everything that has a choice makes it by the inner folds of `align`, on the
remaining train rows. Baby and Sports are stand-ins: Baby's spaces are spectral embeddings of the field's neighbor
graphs (spectral_768.npy), Sports' text is TF-IDF and SVD of brand and category words, its image a spectral embedding of
image_knn10. The sample's users and pictures are synthetic. A finished draw is kept in RUNS.
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
from featurizer.alignment.fit import fit
from featurizer.alignment.folds import folds
from featurizer.alignment.options import AlignOptions
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import centered
from featurizer.interactions.store import read_split
from featurizer.ranking.bootstrap import holm, mean_intervals, paired_t_test
from featurizer.scoring import cold
from featurizer.scoring.evaluation_data import EvaluationData, EvaluationOptions, evaluation_data
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace, SpacePart
from featurizer.scoring.taught import Taught

OPTIONS = AlignOptions()
K = 20


@dataclass(frozen=True)
class Shop:
    """Spaces that are aligned, by name; others to compare with; and who has what."""

    spaces: dict[str, tuple[np.ndarray, np.ndarray]]
    others: dict[str, tuple[np.ndarray, np.ndarray]]
    data: EvaluationData


def shop(spaces, ids, interactions, others=None):
    return Shop(spaces, others or {}, evaluation_data(interactions, ids, EvaluationOptions(min_coverage=0)))


def sample(data, runs):
    import featurizer as fz

    folder = runs / "sample"
    if not (folder / "features" / "feature_set.json").exists():
        catalog = fz.download("sample", out=folder / "catalog")
        fz.extract(catalog, encoders=["efficientnet-lite0", "minilm"], out=folder / "features")
    if not (folder / "ica" / "features" / "feature_set.json").exists():
        catalog = fz.Catalog.open(folder / "catalog")
        fz.pretrain_ica(
            catalog,
            vision="efficientnet-lite0",
            text="minilm",
            size="tiny",
            training={"epochs": 3},
            out=folder / "ica",
        )
    found = FeatureSet.open(folder / "features")
    spaces = {
        side: found.vectors(name)
        for side, name in (("image", "efficientnet-lite0_image"), ("text", "minilm_text"))
    }
    others = {"unified": FeatureSet.open(folder / "ica" / "features").vectors("unified")}
    return shop(spaces, found.item_ids(), read_split(folder / "catalog" / "interactions.parquet"), others)


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


def space(name, vectors, present, taught=None):
    moved = centered(vectors, present)
    return ScoredSpace("", name, "auto", (SpacePart(name, "both", moved, present, ~present, {}, taught),))


def rivals(names, parts, warm, weights):
    """Every single space, the plain join, and the weighted and the half-whitened join as inner folds choose them."""
    for name, part in zip(names, parts, strict=True):
        yield name, part[0]
    yield "join", joined_content(parts, (1.0,) * len(parts))(parts)
    weighted = joined_content(parts, weights)
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


def recalls(name, vectors, shop, options):
    judged = space(name, vectors, vectors.any(1))
    return next(
        one.values for one in cold.score(judged, shop.data, options) if one.key.metric == "cold_recall"
    )


def run(shop: Shop, seed: int):
    options = ScoreOptions(ks=(K,), seed=seed)
    drawn = cold.ColdData.of(shop.data, seed)
    names, parts = list(shop.spaces), list(shop.spaces.values())
    begun = time.process_time()
    learned = fit(parts, drawn.warm, OPTIONS)
    seconds = time.process_time() - begun
    own = recalls("aligned", learned.mapping(parts)[0], shop, options)
    rows = {"aligned": {"recall": float(own.mean())}}
    others = ((name, vectors) for name, (vectors, _) in shop.others.items())
    for name, vectors in (*rivals(names, parts, drawn.warm, learned.choice.weights), *others):
        values = recalls(name, vectors, shop, options)
        (interval,) = mean_intervals((own - values)[:, None], seed=0)
        rows[name] = {
            "recall": float(values.mean()),
            "gain": interval.mean,
            "low": interval.low,
            "high": interval.high,
        }
    held = int(drawn.cold.sum())
    return {
        "rows": rows,
        "users": len(own),
        "cold": held,
        "floor": min(1.0, K / held),
        "choice": repr(learned.choice),
        "processor_seconds": seconds,
    }


def controls(shop: Shop, seed: int, times: int):
    """Recall of `aligned` on noise of the same shape, and on content shuffled against the ids: choices and all."""
    options = ScoreOptions(ks=(K,), seed=seed)
    parts = list(shop.spaces.values())

    def learn(train, change):
        return fit(change(parts), train, OPTIONS).mapping(change(parts))

    n = len(shop.data.item_ids)
    aligned = space("aligned", parts[0][0], np.ones(n, bool), Taught(np.ones(n, bool), learn))
    found = {"noise": [], "shuffled": []}
    for draw in range(times):
        for name, measures in cold.controls(aligned, shop.data, options, draw):
            found[name].append(
                next(one.values for one in measures if one.key.metric == f"floor_{name}_cold_recall")
            )
    floor = K / int(cold.ColdData.of(shop.data, seed).cold.sum())
    above = holm(paired_t_test(np.stack([*found["noise"], *found["shuffled"]], axis=1) - floor))
    return {
        name: {
            "mean": float(np.mean(values)),
            "floor": floor,
            "draws": [float(one.mean()) for one in values],
            "above": int(sum(p < 0.05 and one.mean() > floor for p, one in zip(own, values, strict=True))),
        }
        for (name, values), own in zip(found.items(), np.split(above, 2), strict=True)
    }


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
                print(
                    f"{control}: mean of {times} draws {row['mean']:.4f} ({row['mean'] / row['floor'] - 1:+.1%} of the "
                    f"floor), {row['above']} of them above it after Holm",
                    flush=True,
                )


if __name__ == "__main__":
    main()
