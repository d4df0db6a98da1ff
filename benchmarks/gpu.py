"""How much of a GPU `extract` uses: random weights, pictures and texts drawn here, so nothing is downloaded.

    PYTHONPATH=. python benchmarks/gpu.py [--device cuda:0] [--quick]

Of every model and number format: the model alone on batches that lie on the GPU; the encoder on prepared inputs, with
the copies there and back; and a whole shard from JPEG bytes or texts, as `extract` runs it. Beside them what decoding
gives alone, on threads and in processes, which no GPU helps. The vectors are compared with those of the CPU in float32.
Needs of featurizer's dependencies torch, torchvision, timm, transformers, huggingface_hub, pyarrow, Pillow and numpy.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import timm
import torch
import transformers
from PIL import Image
from timm.models import save_for_hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.device import computing_threads
from featurizer.encoders.families.timm import encoder as timm_family
from featurizer.encoders.families.transformers import encoder as transformers_family
from featurizer.encoders.families.transformers.model import open_model as open_transformers
from featurizer.features.clock import Clock
from featurizer.features.decoding import decoding
from featurizer.features.encode_shard import encode_shard
from featurizer.features.pictures import read_batches
from featurizer.features.prepare import preparer
from featurizer.memory import keep_freed_memory

PICTURES = {"ViT-B/32": "vit_base_patch32_224", "EfficientNet-Lite0": "tf_efficientnet_lite0"}
TEXTS = "MiniLM-like"
AGREES = {"float32": 0.9999, "tf32": 0.999, "float16": 0.99, "bfloat16": 0.99}
"""The least cosine between a vector of the GPU's and the CPU's in float32."""
DISTINCT = 256
"""Pictures and texts that are drawn; a shard repeats them."""
CHECKED = 32
COLUMNS = (
    "model", "numbers", "batch", "sent as", "alone /s", "with copies /s", "of alone", "decoded by", "whole /s",
    "of alone", "of the lower limit", "peak GiB", "least cosine", "seconds by stage",
)  # fmt: skip
WORDS = [f"word{number}" for number in range(2000)]


@dataclass(frozen=True)
class Size:
    """Items of a shard, and seconds that something is repeated."""

    items: int
    seconds: float


class Drawn:
    """A catalog in memory: n items that repeat some pictures and texts."""

    def __init__(self, n, side=500):
        self.rows = n
        self.pictures = [jpeg(seed, side) for seed in range(min(n, DISTINCT))]
        draw = np.random.default_rng(0)
        self.texts = [" ".join(draw.choice(WORDS, draw.integers(8, 48))) for _ in range(min(n, DISTINCT))]

    def batches(self, columns, every, *, size):
        """Yield rows as `Catalog.batches` does."""
        for first in range(0, len(every), size):
            rows = every[first : first + size]
            pictures = [{"bytes": self.pictures[row % len(self.pictures)], "path": None} for row in rows]
            values = {
                "item_id": [str(row) for row in rows],
                "text": [self.texts[row % len(self.texts)] for row in rows],
                "image_status": ["ok"] * len(rows),
                "image": pa.array(pictures, pa.struct({"bytes": pa.binary(), "path": pa.string()})),
            }
            yield pa.RecordBatch.from_pydict({name: values[name] for name in columns})


def jpeg(seed, side):
    draw = np.random.default_rng(seed)
    picture = Image.fromarray(draw.integers(0, 255, (25, 25, 3), np.uint8)).resize((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def save_models(folder):
    """Random weights in the layouts that the families load, the same every time."""
    torch.manual_seed(0)
    for name, architecture in PICTURES.items():
        model = timm.create_model(architecture, pretrained=False, num_classes=0)
        save_for_hf(model, folder / name.replace("/", "-"), model_args={"num_classes": 0})
    places = 512
    vocabulary = {
        word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=places, **named
    ).save_pretrained(folder / TEXTS)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
        intermediate_size=1536, max_position_embeddings=places,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / TEXTS)


def rate(work, items, seconds):
    """Items a second of something that is done until `seconds` have passed, after one run that nobody counts."""
    work()
    synchronize()
    begun, done = time.perf_counter(), 0
    while done == 0 or time.perf_counter() - begun < seconds:
        work()
        synchronize()
        done += items
    return done / (time.perf_counter() - begun)


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def alone_on_pictures(size, notes):
    """A timm model on pictures that lie on its device."""

    @torch.inference_mode()
    def measured(request, batch):
        loaded = timm_family.open_model(request)
        place = loaded.place
        pixels = torch.randn(batch, 3, 224, 224, device=place.device, dtype=place.torch_dtype)

        def placed(memory_format):
            loaded.model.to(memory_format=memory_format)
            there = pixels.contiguous(memory_format=memory_format)
            return rate(lambda: [loaded.model(there) for _ in range(4)], 4 * batch, size.seconds)

        found = placed(place.torch_format)
        if place.memory_format is not None:
            other = placed(torch.contiguous_format)
            notes.append(
                f"{request.dtype}, batches of {batch}: {found:,.0f} /s with the channels last, {other:,.0f} /s without"
            )
        return found

    return measured


def alone_on_texts(catalog, size):
    """A text model on texts that were sorted, padded and sent to its device before."""

    @torch.inference_mode()
    def measured(request, batch):
        loaded = open_transformers(request)
        tokenizer = transformers_family.open_tokenizer(loaded)
        texts = (catalog.texts * (1 + catalog.rows // len(catalog.texts)))[: catalog.rows]
        ordered = sorted(texts, key=len, reverse=True)
        batches = [
            tokenizer(ordered[start : start + batch], padding="longest", return_tensors="pt").to(
                request.device
            )
            for start in range(0, len(ordered), batch)
        ]
        return rate(lambda: [loaded.model(**one) for one in batches], len(ordered), size.seconds)

    return measured


def with_copies(encoder, prepared, batch, seconds):
    """Batches of prepared inputs, one in flight while the next is put together, as in a shard."""
    batches = [prepared[start : start + batch] for start in range(0, len(prepared), batch)]

    def work():
        waiting = None
        for batch in batches:
            started = encoder.start(batch)
            if waiting is not None:
                waiting()
            waiting = started
        waiting()

    return rate(work, len(prepared), seconds)


@contextmanager
def workers(encoder, catalog, options, decoders):
    """Workers that have imported what they need, and the seconds until then."""
    prepare = {} if encoder.spec.modality == "text" else {encoder.spec.space: preparer(encoder)}
    begun = time.perf_counter()
    with decoding(
        prepare, device=options.device, workers=None, decoders=decoders, rows=catalog.rows
    ) as ready:
        rows = [("", "", "ok", catalog.pictures[0])] * ready.rows
        for future in [ready.submit(rows, list(prepare)) for _ in range(4 * (os.cpu_count() or 1))]:
            future.result()
        yield ready, time.perf_counter() - begun


def shard(encoder, catalog, batch, ready):
    """Items a second of a whole shard, the seconds of its stages, and its vectors."""
    clock, begun = Clock(), time.perf_counter()
    made = encode_shard(
        catalog, [encoder], range(catalog.rows), clock, lambda *_: None,
        decoding=ready, batch_size=batch, dtype="float32",
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    assert made.present[encoder.spec.space].all(), "an item has no vector"
    return catalog.rows / seconds, clock.seconds, made.vectors[encoder.spec.space]


def decode_alone(catalog, ready):
    """Pictures a second that workers decode and prepare while nobody encodes."""
    begun = time.perf_counter()
    for _ in read_batches(catalog, range(catalog.rows), ["x_image"], ready, Clock(), batch_size=256):
        pass
    return catalog.rows / (time.perf_counter() - begun)


def least_cosine(found, expected):
    found, expected = (one.astype(np.float64) for one in (found, expected))
    products = (found * expected).sum(1)
    return float((products / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)).min())


def peak():
    return f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if torch.cuda.is_available() else "-"


def line(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


@dataclass(frozen=True)
class Case:
    """A model, how it is loaded, and how fast it is alone."""

    name: str
    load: Callable[[EncoderRequest], AnyEncoder]
    alone: Callable[[EncoderRequest, int], float]


def measure(case, catalog, size, options):
    """One line a number format, batch and kind of worker."""
    request = EncoderRequest(name="x", model=str(options.folder / case.name.replace("/", "-")))
    on_cpu = case.load(request)
    is_text = on_cpu.spec.modality == "text"
    values = (
        catalog.texts if is_text else [Image.open(io.BytesIO(one)).convert("RGB") for one in catalog.pictures]
    )
    expected = on_cpu.encode([on_cpu.prepare(value) for value in values[:CHECKED]])
    here = replace(request, device=options.device)
    limit = {}
    for decoders in ["threads"] if is_text else options.decoders:
        with (
            computing_threads(None, options.device),
            workers(case.load(here), catalog, options, decoders) as (ready, started),
        ):
            if not is_text:
                limit[decoders] = decode_alone(catalog, ready)
                print(
                    f"\n{case.name}: {limit[decoders]:,.0f} pictures a second decoded and prepared alone, "
                    f"{decoders}, ready after {started:.1f} s\n"
                )
            line(*COLUMNS)
            line(*["---"] * len(COLUMNS))
            for dtype, batch in (
                options.formats if decoders == options.decoders[0] or is_text else options.formats[:1]
            ):
                fresh_memory()
                asked = replace(here, dtype=dtype)
                encoder, alone = case.load(asked), case.alone(asked, batch)
                prepared = [encoder.prepare(value) for value in values]
                copied = with_copies(encoder, (prepared * 4 * batch)[: 4 * batch], batch, size.seconds)
                whole, seconds, vectors = shard(encoder, catalog, batch, ready)
                cosine = least_cosine(vectors[: len(expected)], expected)
                kind = "text" if is_text else str(prepared[0].dtype).removeprefix("torch.")
                line(
                    case.name, dtype, batch, kind, f"{alone:,.0f}", f"{copied:,.0f}", f"{copied / alone:.2f}", decoders,
                    f"{whole:,.0f}", f"{whole / alone:.2f}", f"{whole / min(alone, limit.get(decoders, alone)):.2f}",
                    peak(), f"{cosine:.6f}" + ("" if cosine >= AGREES[dtype] else " TOO LOW"),
                    ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()),
                )  # fmt: skip


def fresh_memory():
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="few items: shows on a CPU that it runs")
    parser.add_argument("--items", type=int, default=8192, help="pictures, and texts, of a whole shard")
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    cuda = options.device.startswith("cuda")
    size = Size(6, 0.1) if options.quick else Size(options.items, 1.5)
    batch = 3 if options.quick else options.batch
    options.formats = [("float32", batch)]
    if cuda:  # the last with the batch that extract takes by itself
        options.formats += [("tf32", batch), ("bfloat16", batch), ("bfloat16", 32)]
    options.decoders = ["processes", "threads"]
    keep_freed_memory()
    begun = time.perf_counter()
    print(
        f"{torch.cuda.get_device_name() if cuda else 'CPU'}, {os.cpu_count()} cores, torch {torch.__version__}, timm "
        f"{timm.__version__}, transformers {transformers.__version__}; {size.items:,} items a shard"
    )
    catalog, notes = Drawn(size.items), []
    cases = [
        Case(name, lambda request: timm_family.open_model(request).encoder, alone_on_pictures(size, notes))
        for name in PICTURES
    ]
    cases.append(
        Case(TEXTS, lambda request: transformers_family.load(request)[0], alone_on_texts(catalog, size))
    )
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        save_models(options.folder)
        for place, case in enumerate(cases):
            if options.quick:
                options.decoders = ["threads"] if place else ["processes"]
            measure(case, catalog, size, options)
    print("\nEfficientNet-Lite0 alone, " + "; ".join(dict.fromkeys(notes)))
    print(f"\n{time.perf_counter() - begun:.0f} seconds in all")


if __name__ == "__main__":
    main()
