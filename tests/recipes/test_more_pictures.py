"""A shop whose items have several pictures: whatever reads a catalog reads this one."""

import numpy as np
import pytest

import featurizer as fz
from featurizer.catalog.store import Catalog
from tests.recipes.shop import make_shop
from tests.support.small_encoders import install


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Catalogs `one` and `several`; in the latter items have the next one's picture too, and one that is gone."""
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    make_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    head, *rows = (tmp_path / "items.csv").read_text().splitlines()
    ids = [row.split(",")[0] for row in rows]
    first = [f"{row},{item}.png" for row, item in zip(rows, ids, strict=True)]
    neighbors = zip(first, [*ids[1:], ids[0]], strict=True)
    for name, lines in (
        ("one", first),
        ("several", [f"{row}|{other}.png|gone.png" for row, other in neighbors]),
    ):
        (tmp_path / f"{name}.csv").write_text("\n".join([f"{head},image", *lines]) + "\n")
        fz.ingest(f"{name}.csv", images="pictures", license="CC0-1.0", max_failures=99, out=name)
    return tmp_path


def test_what_reads_one_picture_of_an_item_reads_the_first(shop, caplog):
    caplog.set_level("INFO")
    one, several = (
        fz.extract(name, encoders=["small"], device="cpu", out=f"f_{name}") for name in ("one", "several")
    )
    assert Catalog.open("several").manifest.images.further["ok"] == several.rows
    said = f"{several.rows} items name several pictures: the first of each is encoded, all of them with --images mean"
    assert caplog.text.count(said) == 1
    for space in one.spaces:
        np.testing.assert_array_equal(one.vectors(space)[0], several.vectors(space)[0])
    assert one.manifest.failures == several.manifest.failures == {}
    options = {"vision": "small", "text": "small", "device": "cpu", "objective": {"codes": 4}}
    options["training"] = {"epochs": 1, "batch_size": 16}
    options["architecture"] = {"width": 16, "layers": 1, "heads": 2, "fused_layers": 1, "expansion": 2}
    unified = [fz.pretrain_ica(name, **options, out=f"ica_{name}").features for name in ("one", "several")]
    assert unified[0].vectors("unified")[0].tobytes() == unified[1].vectors("unified")[0].tobytes()


def test_report_verify_inspect_publish_and_export_take_it(shop):
    features = fz.extract("several", encoders=["small"], images="mean", device="cpu", out="f")
    assert fz.verify("several").problems == fz.verify(features, catalog="several").problems == ()
    fz.make_report(["several", features], tsne=False, out="report.html")
    assert "missing_file" in (shop / "report.html").read_text()
    plan = fz.publish(features, repo="shop/features", with_images=True, catalog="several", dry_run=True)
    assert any(file.path.startswith("items/part-") for file in plan.files)
    fz.export(features, format="npy", out="arrays")
    back = fz.import_vectors("arrays", format="npy", out="back")
    np.testing.assert_array_equal(back.vectors("small_image")[0], features.vectors("small_image")[0])
    assert "mean of the L2-normalized vectors of all pictures" in (shop / "f" / "README.md").read_text()
