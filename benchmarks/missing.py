"""Missing modalities: `unified` against what needs no training, on items that lose their picture, or their text.

    python benchmarks/missing.py [--only fashion,sample] [--seeds 0,1,2] [--ratios 0.3,0.5]
        [--threads N] [--device cuda]
    python benchmarks/missing.py --model OUT

A draw takes a share of the items; everything (centers, axes, fills, the model, its epoch) is fitted on the others
alone, which lack nothing. Then the drawn items lose one modality and all items are scored: self-retrieval of the lost
part among the drawn items' true parts, nearest neighbor's label (fashion-3k) or zero-shot Recall@20 on test (sample).
The rivals are spaces that say `filled`: the same join, the lost part filled without training; `filled
(chosen)` is the one that inner folds choose, and so the start of `unified`. `alignrec` is the unified vector of
`--objective alignrec`, trained on the same items; it finds itself among the drawn items' own whole vectors. The
sample's users and pictures are synthetic. A finished draw is kept in RUNS.

`--model`: what a run of `pretrain-ica` (OUT, trained on fashion-3k under default seed and share) does with its own
held-out items: self-retrieval@10 of each part from the other one alone against every fill, paired over items; and of
views with half the words, or 40 % of the patches masked, by the model as it is, with attention between the
modalities cut, with another item's tokens of the other modality, and with those tokens pooled to one vector.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from features import kept
from places import DATA, RUNS

from featurizer.catalog.store import Catalog
from featurizer.ica.batches import split_rows
from featurizer.ica.encoders import load_encoders
from featurizer.ica.evaluate import one_sided
from featurizer.ica.fills import fit_fills, own_ranks
from featurizer.ica.fit import best_epoch, fit
from featurizer.ica.initialize import build
from featurizer.ica.model import TextStates
from featurizer.ica.options import IcaOptions, Objective, Training
from featurizer.ica.retrieval import BATCH, joins_of, states_of, teacher
from featurizer.ica.saved_model import load_saved_model
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ica.token_store import TokenEncoders, TokenStore, cache_tokens
from featurizer.ica.transformer import Packing
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.bootstrap import mean_interval
from featurizer.ranking.cosine import CosineRanks
from featurizer.ranking.metrics import METRICS
from featurizer.ranking.nearest import nearest
from featurizer.ranking.ranks import find_ranks
from featurizer.training.hooks import Hooks

SIDES = ("image", "text")
LABELS = ("articleType", "baseColour")


@dataclass(frozen=True)
class Data:
    """Tokens of a catalog, and what its vectors are good for: labels by name, or interactions."""

    name: str
    store: TokenStore
    encoders: TokenEncoders
    labels: dict[str, np.ndarray]
    users: list[UserItems] | None


def data_of(name, shared, runs, threads, device="cpu"):
    import featurizer as fz

    folder = runs / "missing" / name
    catalog = folder / "catalog"
    if not (catalog / "catalog.json").exists():
        if name == "sample":
            fz.download("sample", out=catalog)
        else:
            source = shared / "fashion-3k"
            fz.ingest(source / "items.csv", images=source / "images", out=catalog)
    encoders = load_encoders("efficientnet-lite0", "minilm", device=device, threads=threads)
    store = cache_tokens(Catalog.open(catalog), encoders, folder / "tokens")
    ids = store.item_ids(range(store.rows))
    if name == "sample":
        return Data(name, store, encoders, {}, splits(ids, read_split(catalog / "interactions.parquet")))
    rows = {
        row["item_id"]: row
        for row in pl.read_csv(shared / "fashion-3k" / "items.csv", infer_schema=False).to_dicts()
    }
    labels = {label: np.array([rows[item][label] for item in ids]) for label in LABELS}
    return Data(name, store, encoders, labels, None)


def splits(ids, interactions):
    """Return who has what in train, and in test, on the same rows."""
    rows = interactions.join(pl.DataFrame({"item_id": ids, "item": np.arange(len(ids))}), on="item_id")
    rows = rows.with_columns(user=pl.col("user_id").rank("dense") - 1)
    size = {"n_users": int(rows["user"].max()) + 1, "n_items": len(ids)}
    return [
        UserItems.from_pairs(part["user"].to_numpy(), part["item"].to_numpy(), **size)
        for part in (rows.filter(pl.col("split") == split) for split in ("train", "test"))
    ]


def trained(data, rows, options, look=None):
    """Train on some items alone, a tenth of which choose the epoch; `look` is given the job and each epoch's record."""
    train, valid = split_rows(len(rows), options.training.valid_share, options.training.seed)
    train, valid = [rows[at] for at in train], [rows[at] for at in valid]
    model, heads = build(data.store, train, options)
    device = data.encoders.device
    job = TrainingSetup(model, heads, data.store, data.encoders.text, train, valid, options, device=device)
    begun = time.time()
    history = fit(job, Hooks(on_epoch=lambda record: look and look(job, record)))
    print(
        f"{data.name}: {len(train)} items, {time.time() - begun:.0f} s, epoch {best_epoch(history)}",
        flush=True,
    )
    return job


@torch.no_grad()
def encoded(job, rows, missing=None):
    """Return joins as they are shown, completed joins, and unified vectors of items without a modality."""
    job.model.eval()
    shown, completed, unified = [], [], []
    for start in range(0, len(rows), BATCH):
        items = job.source.read(rows[start : start + BATCH])
        items = items.without(image=missing == "image", text=missing == "text").to(job.device)
        states = states_of(job, items)
        pooled = items.pooled_text * items.has_text[:, None]
        shown.append(job.model.joined(items, TextStates(pooled, pooled)))
        completed.append(job.model.completed(states))
        unified.append(job.model.feature(states))
    return torch.cat(shown).cpu(), torch.cat(completed).cpu(), torch.cat(unified).cpu()


def measured(data, vectors):
    """Return each item's, or each user's, figures by name."""
    if data.users is None:
        near = nearest(vectors, 1).items[:, 0]
        return {label: (values[near] == values).astype(float) for label, values in data.labels.items()}
    train, test = data.users
    finder = CosineRanks(vectors, train, 20, memory=1 << 28, halves=False)
    (ranks,) = find_ranks(finder, train, [test], 20, block=finder.block)
    return {"zero-shot": METRICS["recall"](ranks.hits, ranks.positives, 20)}


def without(job, data, lost, side, joins, whole, paper=None):
    """Return each space's figures where the items `lost` have no picture, or no text.

    Args:
        job: a trained model.
        data: what it is measured on.
        lost: (m,) rows.
        side: the modality they lose.
        joins: (n, e + f) of the whole items.
        whole: (n, e + f), their unified vectors.
        paper: a model trained as the paper says, and the (n, width) vectors of whole items by it.
    """
    start, dims, at = job.model.start, job.model.start.dims, SIDES.index(side)
    learned = joins[torch.as_tensor(job.train)]
    learned = learned[torch.stack([part.any(1) for part in learned.split(dims, 1)]).all(0)].split(dims, 1)
    shown, completed, unified = encoded(job, lost.tolist(), side)
    known = shown.split(dims, 1)[1 - at]
    fills = fit_fills(learned[1 - at], learned[at], kept=len(learned[at]))
    guesses = {f"filled ({name})": fill(known) for name, fill in fills.items()}
    guesses["filled (chosen)"] = start.fills()[side](known.to(job.device)).cpu()
    guesses["unified"] = completed.split(dims, 1)[at]
    true = joins[torch.as_tensor(lost)].split(dims, 1)[at]
    there = true.any(1) & known.any(1)
    figures = {}
    for name, guess in guesses.items():
        parts = (guess, known) if side == "image" else (known, guess)
        vectors = whole.clone()
        vectors[torch.as_tensor(lost)] = unified if name == "unified" else torch.cat(parts, 1)
        hits = (own_ranks(guess[there], true[there]) < 10).float().numpy()
        figures[name] = {"self-retrieval": hits, **measured(data, vectors.numpy())}
    if paper is not None:
        masked, vectors = encoded(paper[0], lost.tolist(), side)[2], paper[1].clone()
        vectors[torch.as_tensor(lost)] = masked
        ranks = own_ranks(masked[there], paper[1][torch.as_tensor(lost)][there])
        figures["alignrec"] = {
            "self-retrieval": (ranks < 10).float().numpy(),
            **measured(data, vectors.numpy()),
        }
    plain = joins.clone()
    plain[torch.as_tensor(lost)] = shown
    figures["centered join"] = {"self-retrieval": np.zeros(int(there.sum())), **measured(data, plain.numpy())}
    return figures


def draw(data, options, ratio, seed):
    """Return each space's figures, and what `unified` gains on it, by the modality that is lost."""
    every = np.arange(data.store.rows)
    lost = np.sort(np.random.default_rng([seed, 11]).permutation(every)[: int(ratio * len(every))])
    rows = np.setdiff1d(every, lost).tolist()
    job = trained(data, rows, options)
    joins, _, whole = encoded(job, every.tolist())
    paper = trained(data, rows, options.model_copy(update={"objective": Objective(method="alignrec")}))
    by_paper = encoded(paper, every.tolist())[2]
    found = {side: against(without(job, data, lost, side, joins, whole, (paper, by_paper))) for side in SIDES}
    spaces = {"unified": whole, "centered join": joins, "alignrec": by_paper}
    found["nothing"] = against({name: measured(data, vectors.numpy()) for name, vectors in spaces.items()})
    return {
        "fills": {side: fill.kind for side, fill in job.model.start.fills().items()},
        "lost": len(lost),
        "found": found,
    }


def against(figures):
    """Return each space's means, and what `unified` gains on it."""
    own = figures["unified"]
    return {
        name: {measure: compared(own[measure], values) for measure, values in row.items()}
        for name, row in figures.items()
    }


def by_epoch(data, options, ratio, seed):
    """Print what each epoch is chosen by beside its test recall, and what the choice costs: the regret.

    Of the items that lose a modality, every other one loses its picture and the others their text.
    """
    every = np.arange(data.store.rows)
    lost = np.random.default_rng([seed, 11]).permutation(every)[: int(ratio * len(every))]
    gone = {"image": np.sort(lost[::2]), "text": np.sort(lost[1::2])}
    found = []

    def look(job, record):
        _, _, vectors = encoded(job, every.tolist())
        for side, rows in gone.items():
            vectors[torch.as_tensor(rows)] = encoded(job, rows.tolist(), side)[2]
        recall = float(measured(data, vectors.numpy())["zero-shot"].mean())
        found.append(
            (record["epoch"], record["nearness_image"], record["nearness_text"], record["merit"], recall)
        )

    trained(data, np.setdiff1d(every, lost).tolist(), options, look)
    print(f"\n{ratio:.0%} lose a modality, seed {seed}")
    header("| epoch | nearness image | nearness text | chosen by | test zero-shot |")
    for epoch, *values in found:
        print(f"| {epoch} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    recalls = [row[-1] for row in found]
    kept = recalls[int(np.argmax([row[-2] for row in found]))]
    print(f"regret {max(recalls) - kept:.4f}", flush=True)


class Cut(torch.nn.Module):
    """A transformer in which nothing attends to the tokens of one modality but these themselves."""

    def __init__(self, transformer, side):
        super().__init__()
        self.blocks, self.kind = transformer.blocks, 1 + SIDES.index(side)

    def forward(self, states, visible, pictures, *, recompute=False):
        """Return the last states; CLS is kind 0, patches 1, words 2."""
        kind = torch.zeros(states.shape[1], dtype=torch.long)
        kind[1:pictures], kind[pictures:] = 1, 2
        mask = visible[:, None, None, :] & ~((kind[:, None] != self.kind) & (kind[None, :] == self.kind))
        packing = replace(Packing.of(visible, pictures), mask=mask)
        states = packing.packed(states)
        for block in self.blocks:
            states = block(states, packing)
        return packing.unpacked(states)


@torch.no_grad()
def masked_ranks(job, rows, side, *, whole, change="none"):
    """Return the rank of each item's own part, from views with tokens of that part masked, or the whole of it."""
    transformer, at = job.model.transformer, SIDES.index(side)
    if change == "cut":
        job.model.transformer = Cut(transformer, SIDES[1 - at])
    guesses, true = [], []
    for start in range(0, len(rows), BATCH):
        items = job.source.read(rows[start : start + BATCH])
        joins = teacher(job, items)
        masks = None if whole else one_sided(items, job.source, job.options.masking, side, [7, start])
        if whole:
            items = items.without(image=side == "image", text=side == "text")
        text = encode_text(job.encoder, items, masks)
        words = side == "image"
        tokens, there = (text.tokens, items.is_token) if words else (items.image, items.image.any(-1))
        if change == "another":
            tokens = tokens.roll(1, 0)
            others = {name: getattr(items, name).roll(1, 0) for name in ("ids", "words", "length")}
            items = replace(items, **others) if words else items
        if change == "pooled":
            mean = (tokens * there[:, :, None]).sum(1, keepdim=True) / there.sum(1)[:, None, None].clamp(
                min=1
            )
            tokens = mean.expand(tokens.shape)
        if words:
            text = replace(text, tokens=tokens)
        else:
            items = replace(items, image=tokens)
        states = job.model(items, text, masks)
        guesses.append(job.model.completed(states).split(job.model.start.dims, 1)[at])
        true.append(joins.split(job.model.start.dims, 1)[at])
    job.model.transformer = transformer
    return own_ranks(torch.cat(guesses), torch.cat(true))


def held_out(data, out):
    """Report what a trained model does with the items that it held out."""
    bundle = load_saved_model(out)
    options = IcaOptions()
    train, valid = split_rows(data.store.rows, options.training.valid_share, options.training.seed)
    job = TrainingSetup(bundle.model, bundle.heads, data.store, data.encoders.text, train, valid, options)
    measure_held_out(job)
    measure_labels(job, data)


def measure_held_out(job):
    train, valid = job.train, job.valid
    start, dims = job.model.start, job.model.start.dims
    learned = joins_of(job, train).split(dims, 1)
    header("| part | by | retrieval@10 | nearness | unified gains@10 [95 %] | nearness [95 %] |")
    for at, side in enumerate(SIDES):
        shown, completed, _ = encoded(job, valid, side)
        true = joins_of(job, valid).split(dims, 1)[at]
        ranks = {"unified": own_ranks(completed.split(dims, 1)[at], true)}
        fills = {
            "chosen": start.fills()[side],
            **fit_fills(learned[1 - at], learned[at], kept=len(learned[at])),
        }
        for name, fill in fills.items():
            ranks[f"filled ({name})"] = own_ranks(fill(shown.split(dims, 1)[1 - at]), true)
        table(side, ranks)
    header("| masked | model | retrieval@10 | nearness | the model gains@10 [95 %] | nearness [95 %] |")
    changes = {"unified": "none", "cut": "cut", "another item's": "another", "pooled": "pooled"}
    for whole in (True, False):
        for side in SIDES:
            told = side if whole else {"image": "patches", "text": "words"}[side]
            table(
                told,
                {
                    name: masked_ranks(job, valid, side, whole=whole, change=change)
                    for name, change in changes.items()
                },
            )


def measure_labels(job, data):
    """Print the 1-NN accuracy of the held-out items without one modality, all others whole."""
    lost = np.asarray(job.valid)
    joins, _, whole = encoded(job, range(data.store.rows))
    for side in SIDES:
        figures = {
            name: {label: values[lost] for label, values in row.items() if label in data.labels}
            for name, row in without(job, data, lost, side, joins, whole).items()
        }
        table_of(side, against(figures))


def header(columns):
    print(f"\n{columns}\n|{'---|' * (columns.count('|') - 1)}")


def table(side, ranks):
    own, mine = (ranks["unified"] < 10).float().numpy(), 1 / (1 + ranks["unified"].double().numpy())
    for name, found in ranks.items():
        near = 1 / (1 + found.double().numpy())
        gains = [mean_interval(own - (found < 10).float().numpy()), mean_interval(mine - near)]
        told = " | ".join(f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]" for gain in gains)
        near = float(near.mean())
        print(
            f"| {side} | {name} | {float((found < 10).float().mean()):.3f} | {near:.3f} | {told} |",
            flush=True,
        )


def compared(unified, values):
    """Return a rival's mean and what `unified` gains on it, paired, with its 95 % interval."""
    gain = mean_interval(unified - values)
    return {"mean": float(values.mean()), "gain": gain.mean, "low": gain.low, "high": gain.high}


def report(name, ratio, seed, result):
    for side, rows in result["found"].items():
        print(
            f"\n{name}, {ratio:.0%} lose: {side}, seed {seed}; filled by {result['fills'].get(side, 'nothing')}"
        )
        table_of(side, rows)


def table_of(side, rows):
    measures = list(next(iter(rows.values())))
    header(
        f"| without {side} | "
        + " | ".join(f"{measure} | unified gains [95 %]" for measure in measures)
        + " |"
    )
    for space, row in rows.items():
        cells = " | ".join(
            f"{row[m]['mean']:.3f} | {row[m]['gain']:+.3f} [{row[m]['low']:+.3f}, {row[m]['high']:+.3f}]"
            for m in measures
        )
        print(f"| {space} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--only", default="sample,fashion")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--ratios", default="0.3,0.5")
    parser.add_argument("--threads", type=int, default=None, help="that compute; default one a core")
    parser.add_argument("--device", default="cpu", help="that trains, e.g. cuda")
    parser.add_argument(
        "--epochs", action="store_true", help="the sample's epochs: what chooses, and test recall"
    )
    parser.add_argument("--model", type=Path, help="a run of pretrain-ica on fashion-3k")
    told = parser.parse_args()
    if told.threads:
        torch.set_num_threads(told.threads)
    if told.model:
        held_out(data_of("fashion", told.data, told.runs, told.threads), told.model)
        return
    if told.epochs:
        data = data_of("sample", told.data, told.runs, told.threads, told.device)
        for seed in map(int, told.seeds.split(",")):
            for ratio in map(float, told.ratios.split(",")):
                by_epoch(data, IcaOptions(training=Training(seed=seed)), ratio, seed)
        return
    for name in told.only.split(","):
        data = data_of(name, told.data, told.runs, told.threads, told.device)
        for seed in map(int, told.seeds.split(",")):
            options = IcaOptions(training=Training(seed=seed))
            for ratio in map(float, told.ratios.split(",")):
                path = told.runs / "missing" / f"{name}-{ratio:g}-{seed}.json"
                report(name, ratio, seed, kept(path, partial(draw, data, options, ratio, seed)))


if __name__ == "__main__":
    main()
