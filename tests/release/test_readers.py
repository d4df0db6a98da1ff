"""Real data through real readers: the Baby split with a stand-in for content features, read by the peers themselves."""

import json
import subprocess
import sysconfig
import venv

import numpy as np
import pytest

from featurizer.release.exchange.export import export
from featurizer.release.exchange.import_ import import_set

pytestmark = pytest.mark.slow

RECBOLE = [
    "recbole==1.2.1", "numpy<2", "pandas<3", "scipy<1.14", "scikit-learn<1.6", "colorlog==4.7.2", "colorama==0.4.4",
    "thop", "tabulate", "plotly", "texttable", "psutil", "tensorboard", "protobuf", "pytz", "six",
]  # fmt: skip
"""RecBole beside the numpy of its time; torch is the running environment's."""
READ_IT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
folder, name, space = sys.argv[1:]
settings = {"data_path": folder, "log_wandb": False, "show_progress": False, "state": "ERROR"}
config = Config(model="BPR", dataset=name, config_file_list=[f"{folder}/{name}/{name}.yaml"], config_dict=settings)
data = create_dataset(config)
weights = data.get_preload_weight(f"{space}_id")
tokens = [str(token) for token in data.id2token("item_id", range(1, data.item_num))]
rows = {token: weights[data.token2id(f"{space}_id", token)].tolist() for token in tokens[:50]}
train, valid, test = data.build()
print("\\n" + json.dumps({"users": data.user_num - 1, "items": data.item_num - 1, "rows": rows,
                         "parts": [len(train), len(valid), len(test)]}))
"""


@pytest.fixture(scope="module")
def baby(shared_data, tmp_path_factory):
    """The feature set of Baby's items (64 columns of the stand-in), and its interactions."""
    folder, source = tmp_path_factory.mktemp("baby"), shared_data / "amazon-baby"
    np.save(folder / "spectral_both.npy", np.load(source / "spectral_768.npy")[:, :64])
    ids = source / "i_id_mapping.csv"
    made = import_set(folder / "spectral_both.npy", folder / "f", format="npy", ids=ids)
    return made, source / "baby.inter.gz", source / "i_id_mapping.csv"


def test_cornac_reads_the_exported_baby_set(baby, tmp_path):
    import cornac

    made, interactions, item_map = baby
    export(made, tmp_path / "out", format="cornac", interactions=interactions, item_map=item_map)
    out, reader = tmp_path / "out", cornac.data.Reader()
    train, test = (reader.read(str(out / f"{name}.tsv"), fmt="UIR") for name in ("train", "test"))
    images = cornac.data.ImageModality(
        features=np.load(out / "spectral_both.npy"), ids=json.loads((out / "item_ids.json").read_text())
    )
    method = cornac.eval_methods.BaseMethod.from_splits(train, test, item_image=images, exclude_unknowns=True)
    assert (len(train), len(test)) == (118_551, 21_682)
    assert method.train_set.num_users == 19_445
    vectors, _ = made.vectors("spectral_both")
    rows = {item: row for row, item in enumerate(made.item_ids())}
    numbers = method.train_set.iid_map
    order = np.array([rows[item] for item in numbers])
    np.testing.assert_array_equal(images.batch_feature(list(numbers.values())), vectors[order])


@pytest.fixture(scope="module")
def recbole(tmp_path_factory):
    """A Python that has RecBole."""
    home = tmp_path_factory.mktemp("recbole") / "env"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", *RECBOLE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(
            f"the registry does not give RecBole and what it needs: {done.stderr.strip().splitlines()[-1]}"
        )
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_recboles_own_reader_reads_the_exported_baby_set(baby, recbole, tmp_path):
    made, interactions, item_map = baby
    export(made, tmp_path / "baby", format="recbole", interactions=interactions, item_map=item_map)
    command = [recbole, "-c", READ_IT, tmp_path, "baby", "spectral_both"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert (told["users"], told["items"]) == (19_445, 7_050)
    assert told["parts"] == [118_551, 20_559, 21_682]
    vectors, _ = made.vectors("spectral_both")
    rows = {item: row for row, item in enumerate(made.item_ids())}
    for item, vector in told["rows"].items():
        np.testing.assert_array_equal(np.float32(vector), vectors[rows[item]])
