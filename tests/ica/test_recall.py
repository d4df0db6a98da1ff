import numpy as np
import pytest
import torch

from featurizer.errors import InputError
from featurizer.ica.fit import best_epoch, fit
from featurizer.ica.recall import K, masked_recall, read_shoppers
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from tests.ica.test_ica_fit import job


def bought(path, users=30, items=120, seed=0):
    draw = np.random.default_rng(seed)
    lines = ["user_id,item_id,split"]
    for user in range(users):
        chosen = draw.permutation(items)[:9]
        lines += [f"u{user},i{item},{'train' if at < 6 else 'valid'}" for at, item in enumerate(chosen)]
    lines += ["u0,elsewhere,train", "u1,i3,test"]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_masked_recall_equals_the_written_out_mean(built, store, encoders, options, tmp_path):
    model, heads = built
    setup = TrainingSetup(model, heads, store, encoders.text, range(96), range(96, 120), options)
    shoppers = read_shoppers(bought(tmp_path / "b.csv"), store, 0)
    vectors = np.zeros((120, model.dim))
    for row in range(120):
        item = store.read([row])
        if not (item.has_image | item.has_text).item():
            continue
        if (item.has_image & item.has_text).item():
            side = shoppers.missing[row]
            item = item.without(image=side == 0, text=side == 1)
        with torch.no_grad():
            vectors[row] = model.feature(model(item, encode_text(encoders.text, item, None)))[0]
    there = vectors.any(axis=1)
    vectors[there] -= vectors[there].mean(axis=0)
    units = vectors / np.where(there, np.linalg.norm(vectors, axis=1), 1)[:, None]
    recalls = []
    for user in range(shoppers.train.n_users):
        mine = [int(item) for _, item in zip(*shoppers.train.pairs_of(np.array([user])), strict=True)]
        wanted = [int(item) for _, item in zip(*shoppers.valid.pairs_of(np.array([user])), strict=True)]
        scores = units @ units[mine].mean(axis=0)
        scores[~there] = -np.inf
        ranked = [item for item in np.argsort(-scores, kind="stable").tolist() if item not in mine][:K]
        recalls.append(len(set(ranked) & set(wanted)) / len(wanted))
    assert masked_recall(setup, shoppers) == pytest.approx(np.mean(recalls), abs=1e-9)


def test_a_third_of_the_items_loses_each_modality_and_only_the_catalogs_items_count(store, tmp_path):
    shoppers = read_shoppers(bought(tmp_path / "b.csv"), store, 0)
    assert np.bincount(shoppers.missing).tolist() == [40, 40, 40]
    assert shoppers.train.counts.tolist() == [6] * 30
    assert shoppers.valid.counts.tolist() == [3] * 30


def test_interactions_that_rank_nobody_are_refused(store, tmp_path):
    (tmp_path / "b.csv").write_text("user_id,item_id,split\nu,i1,train\nv,i2,valid\nw,x,train\n")
    with pytest.raises(InputError, match="no user of these 120 items both train and validation"):
        read_shoppers(tmp_path / "b.csv", store, 0)


def test_interactions_choose_the_epoch_by_validation_recall(store, encoders, options, tmp_path):
    made = job(store, encoders, options)
    history = fit(made, shoppers=read_shoppers(bought(tmp_path / "b.csv"), store, 0))
    recalls = [record["valid_recall@20"] for record in history]
    assert [record["merit"] for record in history] == recalls
    assert best_epoch(history) == recalls.index(max(recalls))
