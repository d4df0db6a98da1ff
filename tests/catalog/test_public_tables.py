"""The recipes of docs/datasets.md for tables that others publish, run on small files of their layout."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from featurizer.catalog.store import Catalog

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"
USERS, ITEMS = range(1, 9), range(1, 8)


def recipes(heading):
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.DOTALL)


def follow(recipe, folder):
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", recipe],
        cwd=folder,
        env={**os.environ, "PATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def covers(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        Image.new("RGB", (18, 27), (30 * int(Path(name).stem), 90, 40)).save(folder / name)


def rows(catalog, *columns):
    return {row.pop("item_id"): row for row in catalog.to_polars(["item_id", *columns]).to_dicts()}


def test_movielens_with_posters(tmp_path):
    data = tmp_path / "ml-20m"
    data.mkdir()
    (data / "movies.csv").write_text(
        "movieId,title,genres\n1,Toy Story (1995),Adventure|Animation|Children\n"
        '11,"American President, The (1995)",Comedy|Drama|Romance\n'
        + "".join(f"{n},Film {n} (1995),Drama\n" for n in range(2, 8))
        + "131262,Innocence (2014),(no genres listed)\n"
    )
    (data / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n"
        + "".join(f"{u},{m},{4.5 if m != 7 else 2.0},{1112486027 + m}\n" for u in USERS for m in range(1, 8))
    )
    covers(tmp_path / "MLP-20M" / "MLP-20M", "1.jpg", "11.jpg", "2.jpg")
    (recipe,) = recipes("MovieLens with posters")
    said = follow(recipe, tmp_path)
    assert "id ← movieId, title ← title, brand ← none, categories ← genres" in said
    made = Catalog.open(tmp_path / "movielens")
    found = rows(made, "title", "categories", "image_status", "image_url")
    assert found["11"] == {
        "title": "American President, The (1995)",
        "categories": ["Comedy", "Drama", "Romance"],
        "image_status": "ok",
        "image_url": "MLP-20M/11.jpg",
    }
    assert found["131262"]["image_status"] == "none"
    pairs = pl.read_parquet(tmp_path / "movielens" / "interactions.parquet")
    assert set(pairs["item_id"]) == set("123456")
    assert pairs["timestamp"].min() == 1112486028
    assert made.manifest.source.name == "MovieLens 20M"


@pytest.mark.parametrize(
    ("number", "name", "out"), [(0, "MicroLens-50k", "microlens"), (1, "MicroLens-100k", "microlens-100k")]
)
def test_microlens(tmp_path, number, name, out):
    titles = {n: f"Cover {n}" for n in ITEMS} | {3: "Cats, dogs, and more"}
    (tmp_path / "MicroLens-50k_titles.csv").write_text(
        "item,title\n" + "".join(f'{n},"{title}"\n' for n, title in titles.items())
    )
    (tmp_path / "MicroLens-100k_title_en.csv").write_text(
        "".join(f"{n},{title}\n" for n, title in titles.items())
    )
    (tmp_path / "tags_to_summary.csv").write_text("".join(f"{n},Pets\n" for n in ITEMS))
    (tmp_path / f"{name}_pairs.csv").write_text(
        "user,item,timestamp\n"
        + "".join(f"{u},{n},{1583378629552 + n * 1000}\n" for u in USERS for n in ITEMS if (u + n) % 3)
    )
    covers(tmp_path / f"{name}_covers", *(f"{n}.jpg" for n in ITEMS))
    follow(recipes("MicroLens")[number], tmp_path)
    made = Catalog.open(tmp_path / out)
    found = rows(made, "title", "categories", "image_status")
    assert {item: row["title"] for item, row in found.items()} == {str(n): t for n, t in titles.items()}
    assert {row["image_status"] for row in found.values()} == {"ok"}
    assert found["3"]["categories"] == (["Pets"] if number else [])
    pairs = pl.read_parquet(tmp_path / out / "interactions.parquet")
    assert pairs["timestamp"].min() == 1583378630
    assert set(pairs["split"]) == {"train", "valid", "test"}
    assert made.manifest.interactions.users == len(USERS)
