import shutil
from contextlib import contextmanager

import pytest
import torch

from featurizer.progress import silent
from featurizer.recipes.plan import plan
from featurizer.recipes.recipe import load_recipe
from featurizer.recipes.run import run
from tests.recipes.shop import make_shop
from tests.support.small_encoders import install


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def ran(tmp_path_factory, site):
    """A shop whose recipe ran once; tests take copies of it."""
    folder = make_shop(tmp_path_factory.mktemp("ran") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.chdir(folder)
        finished = list(run(plan(load_recipe("shop.yaml")), quiet))
    return folder, finished


@pytest.fixture
def shop(tmp_path, monkeypatch, site):
    """The shop's folder, in which the process stands; the small encoders are installed, nothing ran yet."""
    monkeypatch.syspath_prepend(str(site))
    make_shop(tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def done(shop, ran):
    """The shop's folder after a whole run."""
    shutil.copytree(ran[0] / "out", shop / "out")
    return shop


@contextmanager
def quiet(step):
    yield silent


@pytest.fixture
def go(shop):
    """Run the shop's recipe in this process and return what was finished."""

    def run_recipe(*settings, watch=quiet, start=None, only=None, overwrite=False):
        loaded = load_recipe("shop.yaml", settings)
        return list(run(plan(loaded, start=start, only=only), watch, overwrite=overwrite))

    return run_recipe


@pytest.fixture
def states(shop):
    """Say how the recipe's steps stand."""

    def look(*settings, **selection):
        loaded = load_recipe("shop.yaml", settings)
        return {step.name: found.standing for step, found in plan(loaded, **selection)}

    return look
