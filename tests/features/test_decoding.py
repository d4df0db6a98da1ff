"""Pictures decoded on threads and in processes: the same rows, whoever decodes them."""

import io
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop

from featurizer.encoders.pixels import Composed
from featurizer.errors import FeaturizerError
from featurizer.features.decode_worker import receive, send
from featurizer.features.decoding import InProcesses, InThreads, decoding
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.prepare import OfPicture
from featurizer.records import ImageRef, ItemRecord
from tests.support.color import encoders
from tests.support.items import make_catalog

CROP = {"x": OfPicture(Composed((CenterCrop(8),)))}


def jpeg(seed):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 10, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


ROWS = [
    ("a", "a text", [("ok", jpeg(0))]),
    ("b", None, [("none", None)]),
    ("c", "text", [("ok", b"no picture")]),
    ("d", None, [("http_404", None)]),
    ("e", None, [("ok", jpeg(1))]),
]
ITEMS = [
    ItemRecord(f"i{row}", title=f"title {row}", image=ImageRef(data=jpeg(row)) if row % 3 else ImageRef())
    for row in range(20)
]


@pytest.fixture(scope="module")
def processes():
    with decoding(CROP, device="cpu", workers=2, decoders="processes", rows=5) as ready:
        assert isinstance(ready, InProcesses)
        yield ready


def told(items):
    return [(item.item_id, item.text, item.usable, item.errors) for item in items]


def test_processes_give_what_threads_give(processes):
    with decoding(CROP, device="cpu", workers=2, decoders="threads", rows=5) as threads:
        assert isinstance(threads, InThreads)
        expected = threads.submit(ROWS, ["x"]).result()
    for found in [processes.submit(ROWS, ["x"]) for _ in range(6)]:
        assert told(found.result()) == told(expected)
        for one, other in zip(found.result(), expected, strict=True):
            assert one.inputs.keys() == other.inputs.keys()
            assert all(torch.equal(one.inputs[name], other.inputs[name]) for name in one.inputs)
    assert [item.errors for item in expected] == [(), (), ("image: not_an_image",), ("image: http_404",), ()]
    assert expected[0].inputs["x"].shape == (3, 8, 8)


def test_a_set_has_the_same_bytes_whoever_decodes(tmp_path):
    catalog = make_catalog(tmp_path / "c", ITEMS)
    made = [
        extract(
            catalog,
            encoders(),
            tmp_path / who,
            ExtractOptions(workers=2, decoders=who, batch_size=7, shard_rows=9),
        )
        for who in ("threads", "processes")
    ]
    assert made[0].manifest.shards == made[1].manifest.shards
    assert made[0].manifest.fingerprint == made[1].manifest.fingerprint


def test_a_process_that_was_killed_is_told():
    with decoding(CROP, device="cpu", workers=1, decoders="processes", rows=5) as ready:
        ready.submit(ROWS, ["x"]).result()
        (worker,) = ready.started
        os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        with pytest.raises(FeaturizerError, match=r"was ended by signal 9.*--decoders threads"):
            ready.submit(ROWS, ["x"]).result()


def test_processes_end_with_the_block():
    with decoding(CROP, device="cpu", workers=1, decoders="processes", rows=5) as ready:
        ready.submit(ROWS, ["x"]).result()
    (worker,) = ready.started
    assert worker.process.poll() == 0


def test_what_cannot_be_sent_to_a_process_is_decoded_on_threads_or_refused():
    local = {"x": OfPicture(lambda picture: None)}
    with decoding(local, device="cuda:0", workers=1, decoders="auto", rows=10**6) as ready:
        assert isinstance(ready, InThreads)
    refused = decoding(local, device="cpu", workers=1, decoders="processes", rows=5)
    with pytest.raises(FeaturizerError, match=r"cannot be sent to a process.*--decoders threads"), refused:
        pytest.fail("it was sent")


@pytest.mark.parametrize(("device", "rows"), [("cpu", 10**6), ("cuda:0", 100)])
def test_threads_decode_where_processes_do_not_pay(device, rows):
    with decoding(CROP, device=device, workers=1, decoders="auto", rows=rows) as ready:
        assert isinstance(ready, InThreads)


def test_sets_without_pictures_start_no_process():
    with decoding({}, device="cuda:0", workers=1, decoders="processes", rows=10**6) as ready:
        assert isinstance(ready, InThreads)
        assert told(ready.submit(ROWS[:1], []).result()) == [("a", "a text", True, ())]


def test_what_is_sent_is_received():
    tensor = torch.arange(24, dtype=torch.uint8).view(2, 3, 4).permute(2, 0, 1)
    value = [{"picture": tensor}, np.arange(5.0), "text", None]
    pipe = io.BytesIO()
    send(pipe, value)
    pipe.seek(0)
    found = receive(pipe)
    assert torch.equal(found[0]["picture"], tensor)
    np.testing.assert_array_equal(found[1], value[1])
    assert found[2:] == value[2:]
    with pytest.raises(EOFError):
        receive(pipe)
