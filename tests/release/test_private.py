"""A shop in a private folder, with a local model and logins in its addresses, goes the whole way to the Hub."""

import csv
import io
import os
import random
import subprocess
import sys
import urllib.request

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.encoders.encoder_checkpoints import CHECKPOINTS
from tests.release.conftest import ROOT, environment
from tests.servers import answer, serve

PRIVATE = ("alice-private", "hunter2", "ann:", "file:/", "s3cret")
"""Must stand nowhere; `ann:hunter2` is the login, `s3cret` a key."""
ITEMS = 30
pytestmark = pytest.mark.timeout(1200)  # a whole way, with real models
RUN = """
import json, sys
from featurizer.cli.app import main
for arguments in json.load(sys.stdin):
    print("$", arguments[1], file=sys.stderr, flush=True)
    sys.argv = ["featurizer", *arguments]
    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code or 0
    except Exception:
        code = 1
        sys.excepthook(*sys.exc_info())
    print("exit", code, file=sys.stderr, flush=True)
"""


def png(seed):
    drawn = io.BytesIO()
    shade = random.Random(seed)
    Image.new("RGB", (40, 40), tuple(shade.randrange(256) for _ in range(3))).save(drawn, "png")
    return drawn.getvalue()


@pytest.fixture
def shop(tmp_path):
    """The folder, with models, pictures, items and clicks; and the web server that has a third of the pictures."""
    folder = tmp_path / "home" / "alice-private" / "shop"
    for name, kind in (("eye", "vit"), ("little", "bert")):
        CHECKPOINTS[kind](folder / "models" / name)
    (folder / "pictures").mkdir()
    with serve() as site:
        with (folder / "items.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "title", "image", "manual"])
            for number in range(ITEMS):
                path = folder / "pictures" / f"p{number}.png"
                path.write_bytes(png(number))
                web = site.at(f"/{path.name}", answer(png(number))).replace("://", "://ann:hunter2@")
                image = (path.as_uri(), f"{web}?token=s3cret", f"pictures/{path.name}")[number % 3]
                manual = (f"https://ann:hunter2@docs.example/{number}", path.as_uri())[number % 2]
                table.writerow([f"i{number}", f"cup {number} of {number % 7}", image, manual])
            file.close()
        with (folder / "clicks.csv").open("w", newline="") as file:
            clicks = csv.writer(file)
            clicks.writerow(["user_id", "item_id", "timestamp"])
            draw = random.Random(0)
            for user in range(30):
                chosen = draw.sample(range(ITEMS), 6)
                clicks.writerows([f"u{user}", f"i{item}", time] for time, item in enumerate(chosen))
        yield folder


def run(shop, hub, *lines):
    """Run command lines in the folder, as its owner, each with -vv; return all that was printed and the exit codes."""
    import json

    words = [["-vv", *(word.replace("HERE", str(shop)) for word in line.split())] for line in lines]
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(words), capture_output=True, text=True, cwd=shop,
        env={
            **os.environ, **environment(hub.url, shop.parent / ".cache", "hf_writer"), "HOME": str(shop.parent),
            "PYTHONPATH": str(ROOT), "FEATURIZER_RETRY_WAIT": "0.01", "HF_DEBUG": "1",
        },
    )  # fmt: skip
    codes = [int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("exit ")]
    return done.stdout + done.stderr, codes


def revealed(text):
    return [line for line in text.splitlines() if any(secret in line for secret in PRIVATE)]


def words_in(content, path):
    """Return every text in a file: of Parquet the values too, which its bytes hold packed."""
    if not path.endswith(".parquet"):
        return content.decode("utf-8", "replace")
    table = pq.read_table(io.BytesIO(content))
    return str(table.schema) + "\n".join(map(str, table.to_pylist())) + content.decode("latin-1")


def published(hub):
    """Yield every file of every repository: its name and what is in it."""
    for name, repo in hub.state().repos.items():
        place = name.removeprefix("models/")
        for path in repo["files"]["main"]:
            asked = urllib.request.Request(
                f"{hub.url}/{place}/resolve/main/{path}", headers={"Authorization": "Bearer hf_writer"}
            )
            with urllib.request.urlopen(asked) as found:
                yield f"{name}/{path}", words_in(found.read(), path)


ENCODERS = "eye=transformers:HERE/models/eye", "word=transformers:HERE/models/little"
WAY = (
    "ingest items.csv --interactions clicks.csv --split leave-one-out --license CC0-1.0 "
    "--source https://ann:hunter2@shop.example/feed?token=s3cret --out catalog",
    f"extract catalog --encoder {ENCODERS[0]} --encoder {ENCODERS[1]} --out f",
    f"pretrain-ica catalog --vision {ENCODERS[0]} --text {ENCODERS[1]} --size tiny --epochs 1 --codes 4 --out ica",
    "extract catalog --encoder ica:HERE/ica --out again",
    "align f -i catalog/interactions.parquet --rank 4 --out aligned",
    "score-features f ica/features aligned/features -i catalog/interactions.parquet --out scores",
    "score-features f -i catalog/interactions.parquet --out own --attach",
    "train f --space word_text -i catalog/interactions.parquet --model bpr --epochs 1 --out bpr",
    "report catalog f --out report.html --no-tsne",
    "card f --catalog catalog",
    "card ica --license MIT",
    "card bpr --license MIT",
    "publish f --repo org/f --with-images --catalog catalog --dry-run",
    "publish f --repo org/f --with-images --catalog catalog",
    "publish again --repo org/again",
    "publish ica/features --repo org/unified",
    "publish aligned/features --repo org/aligned",
    "publish ica --repo org/ica",
    "publish bpr --repo org/bpr",
)
REFUSED = (
    "extract catalog --encoder transformers:./models/none --out none",
    "extract catalog --encoder transformers:./models/none --out none --debug",
    "extract none --encoder transformers:HERE/models/eye --out none",
    "ingest https://ann:hunter2@shop.example/items.csv?token=s3cret --out none",
    "ingest items.csv --interactions https://ann:hunter2@shop.example/clicks.csv --out none --debug",
    "publish f --repo https://ann:hunter2@hub.example/f --dry-run",
)


def test_nothing_private_goes_out_or_is_printed_at_the_highest_verbosity(shop, hub):
    told, codes = run(shop, hub, *WAY)
    assert codes == [0] * len(WAY), told
    assert "HTTP Request: GET" in told  # the libraries are heard
    opened = "Open it in a browser: "  # a person's own report, for a click
    assert [line for line in revealed(told) if not line.startswith(opened)] == []
    files = dict(published(hub))
    assert {name.rpartition("/")[2] for name in files} >= {
        "README.md", "croissant.json", "feature_set.json", "config.json", "manifest.json", "items.parquet",
    }  # fmt: skip
    assert any("/items/part-" in name for name in files)
    assert {name: revealed(text) for name, text in files.items() if revealed(text)} == {}
    local = {
        path.relative_to(shop): revealed(words_in(path.read_bytes(), path.name))
        for path in shop.rglob("*")
        if path.is_file() and {"models", ".cache"}.isdisjoint(path.parts) and path.name != "items.csv"
    }
    told_locally = {path for path, lines in local.items() if lines}
    assert {path.parent.name for path in told_locally} == {
        ".featurizer"
    }  # where the models lie, for --sample
    assert not any(".featurizer" in name for name in files)
    assert not any("hunter2" in line or "s3cret" in line for lines in local.values() for line in lines)


def test_no_error_repeats_a_login_or_makes_a_path_longer_than_it_was_given(shop, hub):
    told, (_, *codes) = run(shop, hub, WAY[0], *REFUSED)
    assert codes == [1] * len(REFUSED), told
    assert told.count("Traceback") == 2  # of those with --debug
    assert "there is no such folder" in told
    assert revealed(told) == []


@pytest.mark.slow
def test_the_encoders_of_an_alignment_are_found_beside_it_when_it_has_moved(shop, hub):
    told, codes = run(shop, hub, WAY[0], WAY[2])
    assert codes == [0, 0], told
    elsewhere = shop.parent / "elsewhere"
    elsewhere.mkdir()
    (shop / "models" / "eye").rename(elsewhere / "eye")
    (shop / "models" / "little").rename(elsewhere / "little")
    told, codes = run(shop, hub, "extract catalog --encoder ica:ica --out again")
    assert codes == [1]
    assert "transformers:./eye names a folder, but there is no such folder" in told
    (shop / "ica").rename(elsewhere / "ica")
    told, codes = run(shop, hub, "extract catalog --encoder ica:../elsewhere/ica --out again")
    assert codes == [0], told
