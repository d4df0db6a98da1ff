"""Whatever writes into a folder holds it meanwhile, be it its own or somebody else's."""

import numpy as np
import polars as pl
import pytest

import featurizer as fz
from featurizer.errors import FolderBusy
from featurizer.operations.publish import Publish
from featurizer.operations.recommend import Recommend
from featurizer.operations.score_features import ScoreFeatures
from tests.support.other_process import other


@pytest.fixture
def mine(tmp_path):
    vectors = np.eye(6, 4, dtype=np.float32)
    return fz.from_arrays(
        [f"i{row}" for row in range(6)], {"mine": vectors}, modality="text", out=tmp_path / "mine"
    )


def test_a_card_is_not_written_into_a_set_that_somebody_writes(mine):
    card = (mine.folder / "README.md").read_text("utf-8")
    with other(mine.folder), pytest.raises(FolderBusy):
        fz.card(mine, license="CC-BY-4.0")
    assert (mine.folder / "README.md").read_text("utf-8") == card
    fz.card(mine, license="CC-BY-4.0")
    assert "cc-by-4.0" in (mine.folder / "README.md").read_text("utf-8").lower()


def test_scores_are_not_attached_to_a_set_that_somebody_writes(mine, tmp_path):
    pairs = [("a", "i0", "train"), ("a", "i1", "test"), ("b", "i1", "train"), ("b", "i2", "valid")]
    table = tmp_path / "interactions.parquet"
    pl.DataFrame(pairs, schema=["user_id", "item_id", "split"], orient="row").write_parquet(table)
    asked = {"interactions": table, "out": tmp_path / "scores", "metrics": ("zero-shot",)}
    with other(mine.folder):
        assert fz.score_features(mine, **asked).folder == tmp_path / "scores"
        with pytest.raises(FolderBusy):
            fz.score_features(mine, **asked, attach=True)
    assert not (mine.folder / "scores.json").exists()
    fz.score_features(mine, **asked, attach=True)
    assert (mine.folder / "scores.json").exists()


def test_what_is_written_is_what_is_held(tmp_path):
    assert Publish(of=tmp_path, repo="a/b").writes() == (tmp_path,)
    assert Publish(of=tmp_path, repo="a/b", dry_run=True).writes() == ()
    assert Recommend(model=tmp_path, user="a").writes() == ()
    assert Recommend(model=tmp_path, user="a", export=tmp_path / "e").writes() == (tmp_path / "e",)
    asked = ScoreFeatures(
        features=(tmp_path,), interactions=tmp_path / "i.parquet", out=tmp_path / "s", attach=True
    )
    assert asked.writes() == (tmp_path / "s", tmp_path)
