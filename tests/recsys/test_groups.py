from __future__ import annotations

import numpy as np
import torch

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.groups import group_recalls, popularity_deciles
from featurizer.ranking.rank import rank


def test_deciles_hold_equal_numbers_of_seen_items_by_popularity():
    popularity = np.array([0, 5, 1, 9, 2, 2, 0, 7, 3, 4, 6, 8])
    deciles = popularity_deciles(popularity)
    assert (deciles[[0, 6]] == 0).all()
    assert sorted(deciles[popularity > 0]) == list(range(1, 11))
    order = np.argsort(deciles[popularity > 0], kind="stable")
    assert (np.diff(popularity[popularity > 0][order]) >= 0).all()


def test_group_recalls_equal_loops_over_users_and_items():
    generator = np.random.default_rng(0)
    known = generator.random((50, 40))
    known[:, 35:] = np.where(known[:, 35:] < 0.1, 0.9, known[:, 35:])
    train = UserItems.from_pairs(*np.nonzero(known < 0.1), n_users=50, n_items=40)
    positives = UserItems.from_pairs(*np.nonzero((known > 0.1) & (known < 0.3)), n_users=50, n_items=40)
    scores = torch.randn(50, 40)
    shown = rank(lambda users: scores[users].clone(), train, positives, 20)
    deciles, popularity = popularity_deciles(train.popularity()), train.popularity()
    found = {group.name: group for group in group_recalls(shown, train, positives, 10)}
    assert len(found) == 13

    def written_out(users, members) -> tuple[int, int, float | None]:
        recalls, total = [], 0
        for row, user in enumerate(shown.users):
            if user not in users:
                continue
            wanted = set(positives.items[positives.starts[user] : positives.starts[user + 1]]) & members
            if wanted:
                recalls.append(len(wanted & set(shown.items[row, :10])) / len(wanted))
                total += len(wanted)
        return len(recalls), total, float(np.mean(recalls)) if recalls else None

    everyone = set(range(50))
    expected = {
        f"items_decile_{d}": written_out(everyone, set(np.flatnonzero(deciles == d))) for d in range(1, 11)
    }
    expected["all"] = written_out(everyone, set(range(40)))
    expected["cold_items"] = written_out(everyone, set(np.flatnonzero(popularity == 0)))
    expected["users_under_4_items"] = written_out(set(np.flatnonzero(train.counts < 4)), set(range(40)))
    assert expected["cold_items"][0] > 0
    for name, (users, total, recall) in expected.items():
        assert (found[name].users, found[name].positives) == (users, total)
        assert found[name].recall is recall or abs(found[name].recall - recall) < 1e-12
