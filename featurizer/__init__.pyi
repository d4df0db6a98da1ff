"""Made by `make docs` from the operations; change those."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from featurizer.encoders.options import EncoderOptions

from featurizer.alignment.align import Aligned as Aligned
from featurizer.catalog.datasets import DatasetEntry as DatasetEntry
from featurizer.catalog.store import Catalog as Catalog
from featurizer.encoders.presets import PresetDescription as PresetDescription
from featurizer.errors import FeaturizerError as FeaturizerError
from featurizer.features.feature_set import FeatureSet as FeatureSet
from featurizer.features.space import Space as Space
from featurizer.ica.pretrain import Pretrained as Pretrained
from featurizer.operations.inspect import Inspected as Inspected
from featurizer.operations.machine import Check as Check
from featurizer.operations.operation import Made as Made
from featurizer.operations.report import Shown as Shown
from featurizer.operations.verify import Verification as Verification
from featurizer.recipes.run import Finished as Finished
from featurizer.recsys.compare import Compared as Compared
from featurizer.recsys.model import Model as Model
from featurizer.recsys.model import Model as Trained
from featurizer.recsys.recommend import Recommended as Recommended
from featurizer.release.diff import Difference as Difference
from featurizer.release.exchange.sidecar import Sidecar as Sidecar
from featurizer.release.plan import Plan as Plan
from featurizer.release.publish import Published as Published
from featurizer.release.pull import Pulled as Pulled
from featurizer.scoring.board import Leaderboard as Leaderboard

__version__: str

class HasFolder(Protocol):
    """What lies in a folder: a catalog, a feature set, a model, …."""

    @property
    def folder(self) -> Path: ...

class HasArrow(Protocol):
    """A table: of polars, pandas or pyarrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

Place: TypeAlias = str | PathLike[str] | HasFolder

def align(
    features: Place,
    *,
    interactions: Place,
    spaces: Sequence[str] | str = ...,
    weights: Sequence[float] | float = ...,
    item_map: Place | None = None,
    ranks: Sequence[int] | int = ...,
    width: int = 1024,
    folds: int = 3,
    user_items: int = 1000,
    seed: int = 0,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Aligned:
    """Align features with behavior: a linear map, in closed form, that also serves items nobody has bought yet.

    Everything is chosen on held-out items inside the train interactions; valid and test rows are not looked at.

    Example: featurizer align ./features --interactions ./catalog/interactions.parquet --out ./aligned

    Args:
        features: A feature set folder.
        interactions: Split interactions: .parquet, .csv, .tsv or .inter; the train rows teach.
        spaces: A space to map. [default: all that no interactions taught]
        weights: Of each space in the join. [default: chosen on held-out items]
        item_map: CSV or TSV with asin and itemID, when the interactions number the items.
        ranks: Dimensions of the behavior, to choose from; at least as many items must have been seen.
        width: Length of the aligned vectors, at most.
        folds: How many fifths of the items are held out in turn, to choose by.
        user_items: Items of a user that count, at most; fewer where all users' pairs of items are more than 200 million.
        seed: Of everything drawn.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def card(
    of: Place,
    *,
    license: str | None = None,
    catalog: Place | None = None,
    scores: Place | None = None,
    progress: bool | None = None,
) -> tuple[Path, ...]:
    """Write README.md, the card, and croissant.json again from manifest and scores.

    Example: featurizer card ./features --license CC-BY-4.0

    Args:
        of: A feature set, or a model's folder.
        license: Record the license that the vectors go out under, an SPDX id.
        catalog: The catalog, for titles in the examples.
        scores: Take this scores.json into the set.
    """

def compare(
    models: Sequence[Place] | Place,
    *,
    fused: Sequence[Place] | Place = ...,
    interactions: Place,
    item_map: Place | None = None,
    metric: Literal['recall', 'ndcg', 'precision', 'map'] = 'recall',
    k: int = 20,
    split: Literal['valid', 'test'] = 'test',
    seed: int = 0,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Made[list[Compared]]:
    """Compare trained models user by user: intervals, and whether each differs from the first.

    Of a training with several seeds its kept model counts, the best on validation: intervals and p are over users,
    not over seeds.

    Example: featurizer compare ./alignrec ./lightgcn -i ./catalog/interactions.parquet --out ./comparison

    Args:
        models: Folders made by 'featurizer train'; the first is the yardstick.
        fused: A model whose scores are added to the others' named so: one row more, late fusion.
        interactions: What they were trained on: .parquet, .csv, .tsv or .inter.
        item_map: CSV or TSV with asin and itemID, when the interactions number the items.
        metric: What is compared.
        k: Length of the list.
        split: Whose positives are ranked for.
        seed: Of the resamples.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def diff(
    before: Place,
    after: Place,
    *,
    tolerance: float = 1e-06,
    progress: bool | None = None,
) -> Difference:
    """Say what changed from A to B: items, vectors by cosine, encoders, the text recipe.

    Example: featurizer diff ./features-v1 ./features-v2

    Args:
        before: A feature set folder.
        after: Another, newer one.
        tolerance: Vectors whose cosine is below 1 minus this have changed.
    """

def doctor(
    *,
    progress: bool | None = None,
) -> list[Check]:
    """Look at Python, torch, device, threads, memory, disk, the Hub and the extras; advise. Exit 1 if one is broken.

    Example: featurizer doctor

    Args:
    """

def download(
    dataset: str,
    *,
    k_core: int | None = None,
    split: str | None = None,
    seed: int = 0,
    all_items: bool = False,
    images: bool = True,
    max_images: int = 1,
    retry_failed: bool = False,
    concurrency: int | None = 64,
    per_host: int | None = 32,
    timeout: float | None = 90.0,
    max_bytes: int | None = 33554432,
    user_agent: str | None = None,
    allow_private_hosts: bool | None = False,
    engine: Literal['local', 'ray'] | None = 'local',
    workers: int | None = None,
    address: str | None = None,
    cache: Place | None = None,
    max_bad_rows: int | None = None,
    max_failures: int | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Catalog:
    """Download metadata, interactions and pictures of a dataset and make a catalog; run again to resume.

    Example: featurizer download amazon-2014-baby --out ./baby

    Args:
        dataset: A dataset's name; 'featurizer datasets' lists them.
        k_core: Keep users and items with at least so many interactions, if there are any. [default: the dataset's]
        split: random, leave-one-out, global-time or cold-items:SHARE. [default: the dataset's]
        seed: Seed of the split.
        all_items: Keep items outside the k-core too.
        images: Fetch the pictures, or leave them where they are.
        max_images: Pictures that an item keeps, where it names several.
        retry_failed: Ask once more for the pictures that failed, and change nothing else.
        concurrency: Pictures fetched at once.
        per_host: Of these from one host; one that is overloaded gets fewer.
        timeout: Seconds that one try may take; 10 of them to connect, 20 without a byte.
        max_bytes: Larger pictures are dropped.
        user_agent: Who asks, as servers are told. [default: featurizer and its version]
        allow_private_hosts: Ask hosts of your own network and this machine too; only for addresses that you trust.
        engine: Who makes the shards: this process, or workers of a Ray cluster; the bytes are the same.
        workers: With ray: how many processes. [default: as many as fit]
        address: With ray: auto, or HOST or HOST:PORT of a cluster. [default: one of this machine's own, for this run]
        cache: Where downloaded files are kept. [default: FEATURIZER_CACHE or ~/.cache/featurizer]
        max_bad_rows: Stop when more lines of a file cannot be read; the others are skipped and counted. [default: half of them]
        max_failures: Exit with 3 when more pictures failed. [default: half of them]
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def export(
    features: Place,
    *,
    format: str,
    spaces: Sequence[str] | str = ...,
    interactions: Place | None = None,
    item_map: Place | None = None,
    missing: Literal['zero', 'mean', 'error'] = 'zero',
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Made[Sidecar]:
    """Write a feature set in the files of MMRec, Cornac, Elliot or RecBole, or as plain arrays.

    Beside them lies export.json: which file holds which space, which rows are filled and with what. The folder's
    name is the data set's.

    Example: featurizer export ./features --format mmrec --interactions ./catalog/interactions.parquet --out ./baby

    Args:
        features: A feature set folder.
        format: Whose files.
        spaces: Only this space. [default: all]
        interactions: Interactions to go with it: .parquet, .csv, .tsv or .inter.
        item_map: asin and itemID, for interactions that number their items.
        missing: What stands where a vector is missing; the sidecar says it.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def extract(
    catalog: Place,
    *,
    encoders: Sequence[str | EncoderOptions] | str | EncoderOptions,
    device: str = 'auto',
    threads: int | None = None,
    dtype: Literal['float32', 'float16'] = 'float32',
    compute_dtype: Literal['float32', 'tf32', 'float16', 'bfloat16'] = 'float32',
    batch_size: int = 32,
    shard_rows: int = 2048,
    engine: Literal['local', 'ray'] | None = 'local',
    gpus_per_worker: float | None = 0.0,
    address: str | None = None,
    workers: int | None = None,
    shard: str | None = None,
    decoders: Literal['auto', 'threads', 'processes'] = 'auto',
    mask: Literal['image', 'text'] | None = None,
    images: Literal['first', 'mean', 'all'] = 'first',
    update: bool = False,
    trust_remote_code: Sequence[str] | str = ...,
    max_failures: int | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> FeatureSet:
    """Encode every item of a catalog and write a feature set.

    Example: featurizer extract ./catalog --encoder clip --encoder minilm --out ./features

    Args:
        catalog: A catalog: a folder, or an address such as s3://bucket/catalog.
        encoders: A preset, or family:model[@revision], or family:./folder, or NAME=…; with options: ,prompt=…,max_tokens=….
        device: auto, cpu, cuda, cuda:I or mps.
        threads: Threads that compute on the CPU; the bits of a result depend on how many. [default: one a core]
        dtype: What vectors are stored in.
        compute_dtype: What the models compute in: bfloat16 is faster where 'doctor' says so, tf32 is for NVIDIA GPUs.
        batch_size: Items a model sees at once.
        shard_rows: Items a shard; a killed run loses the shards in flight.
        engine: Who makes the shards: this process, or workers of a Ray cluster; the bytes are the same.
        gpus_per_worker: With ray: GPUs of each worker; a fraction where several share one.
        address: With ray: auto, or HOST or HOST:PORT of a cluster. [default: one of this machine's own, for this run]
        workers: Threads or processes that decode pictures; with ray, processes that encode. [default: one a core, at most 8 on the CPU; with ray as many as fit]
        shard: I/N: only every N-th shard, from the I-th on. N such processes share one folder; the last one completes it.
        decoders: Who decodes pictures: auto takes processes for a GPU and many pictures.
        mask: Hide one modality from an encoder ica:DIR or align:DIR.
        images: Of items with several pictures: encode the first, take the mean of all their normalized vectors, or give all to models that take several at once (and take the mean of others).
        update: Encode only what changed since the set in --out was made, and copy every other vector.
        trust_remote_code: Run the code of its own that an encoder's repository holds: REPO@COMMIT, a full commit that you have read.
        max_failures: Exit with 3 when more items failed. [default: no limit]
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def import_vectors(
    path: Place,
    *,
    format: str,
    space: str | None = None,
    ids: Place | None = None,
    modality: Literal['image', 'text', 'both'] | None = None,
    null_rows: Literal['none', 'zero', 'nan'] = 'none',
    license: str | None = None,
    source: str | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> FeatureSet:
    """Read vectors into a feature set: what 'export' wrote comes back as it was, other files as their format has them.

    Example: featurizer import image_features_Baby.b --format amazon-b --ids i_id_mapping.csv --out ./features

    Args:
        path: A file or folder in the format.
        format: Whose files.
        space: Name of the space, or the one to take. [default: as the files have it]
        ids: The items' ids: one a line, a JSON list, .npy, or a table with item_id or asin. In row order; of amazon-b, the items to take.
        modality: What the vectors were made from. [default: by the space's name]
        null_rows: Which rows mean that there is no vector.
        license: License of the source, an SPDX id.
        source: Where the vectors come from.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def ingest(
    path: Sequence[Place | HasArrow] | Place | HasArrow,
    *,
    images: Place | None = None,
    interactions: Sequence[Place] | Place = ...,
    user_column: str | None = None,
    item_column: str | None = None,
    time_column: str | None = None,
    rating_column: str | None = None,
    item_map: Place | None = None,
    k_core: int = 0,
    split: str = 'random',
    seed: int = 0,
    license: str | None = None,
    source: str | None = None,
    text_template: str = '{title} {brand} {categories} {description}',
    item_id_column: str | None = None,
    title_column: str | None = None,
    brand_column: str | None = None,
    categories_column: str | None = None,
    description_column: str | None = None,
    image_column: str | None = None,
    images_column: Sequence[str] | str | None = ...,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    on_duplicate: Literal['error', 'first', 'last', 'merge'] = 'error',
    on_missing_id: Literal['error', 'skip', 'number'] = 'error',
    max_images: int = 8,
    hub_split: str = 'train',
    hub_config: str | None = None,
    update: bool = False,
    gone: Literal['drop', 'keep'] = 'drop',
    max_gone: float = 0.2,
    retry_failed: bool = False,
    concurrency: int | None = 64,
    per_host: int | None = 32,
    timeout: float | None = 90.0,
    max_bytes: int | None = 33554432,
    user_agent: str | None = None,
    allow_private_hosts: bool | None = False,
    engine: Literal['local', 'ray'] | None = 'local',
    workers: int | None = None,
    address: str | None = None,
    max_bad_rows: int | None = None,
    max_failures: int | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Catalog:
    """Make a catalog of your own items; every column that is no field of an item is kept beside them.

    Example: featurizer ingest items.csv --images pictures/ --out ./catalog

    Args:
        path: Tables (CSV and its like, JSON, Parquet, .xlsx, .ods, product feeds in XML; .gz and .zst too; - for standard input), a folder of pictures or tables, or a Hub data set (hf:./folder: a local copy).
        images: Where image paths start, and the only folder that pictures are read from (without it, the table's own); without an image column, pictures named by item id. With a folder of pictures, another that links in it lead to.
        interactions: Who used what: tables of any kind, or .inter; several are put together.
        user_column: Who, in the interactions; by its usual names where not given, as the next three.
        item_column: What was used, in the interactions.
        time_column: When, in the interactions.
        rating_column: How much, in the interactions: stars, a weight, a quantity.
        item_map: CSV with asin and itemID, when the interactions number the items.
        k_core: Keep users and items with at least so many interactions.
        split: How interactions without a split are split: random, leave-one-out, global-time or cold-items:SHARE.
        seed: Seed of the split.
        license: License of the data, an SPDX id.
        source: Where the data come from; recorded.
        text_template: Fields of an item's text: title, brand, categories, description, and columns of the source.
        item_id_column: The item's id; unique, never empty. @row: the row's number; @file_name: the name of its picture's file.
        title_column: The product's name.
        brand_column: The maker or shop.
        categories_column: A list, or a text split at `|` or `>`, and at commas between paths.
        description_column: Free text.
        image_column: A path, an http(s) or file URL, or the picture itself. @none: no column, as for any field but the id.
        images_column: Further pictures of the item; may be given several times. @none: no column.
        encoding: Of tables of text, such as cp1252 or gb18030. [default: what their bytes say]
        delimiter: Between the cells of tables: one sign, or comma, semicolon, tab, pipe. [default: what gives even rows]
        sheet: Of a spreadsheet, by name or number. [default: the first that holds a table]
        on_duplicate: Of rows with the same id: refuse them, take the first or the last, or make one item of them.
        on_missing_id: Rows without an id: refuse them, leave them out, or take their number.
        max_images: Pictures an item keeps of those that its cells name; 1 keeps the first alone.
        hub_split: Which split of a Hub data set, or of a saved one.
        hub_config: Which configuration of a Hub data set.
        update: Bring the catalog in --out up to date: pictures are fetched only for addresses that are new or changed.
        gone: Items that the source has no more: drop them, or keep them, marked in the column `withdrawn`.
        max_gone: With --update: refuse to drop a larger share of the items, and more than ten; 1 drops any.
        retry_failed: Ask once more for the pictures that failed, and change nothing else.
        concurrency: Pictures fetched at once.
        per_host: Of these from one host; one that is overloaded gets fewer.
        timeout: Seconds that one try may take; 10 of them to connect, 20 without a byte.
        max_bytes: Larger pictures are dropped.
        user_agent: Who asks, as servers are told. [default: featurizer and its version]
        allow_private_hosts: Ask hosts of your own network and this machine too; only for addresses that you trust.
        engine: Who makes the shards: this process, or workers of a Ray cluster; the bytes are the same.
        workers: With ray: how many processes. [default: as many as fit]
        address: With ray: auto, or HOST or HOST:PORT of a cluster. [default: one of this machine's own, for this run]
        max_bad_rows: Stop when more rows cannot be read; others are skipped and counted. [default: none; of JSON half of them]
        max_failures: Exit with 3 when more pictures failed. [default: half of them]
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def inspect(
    path: Place,
    *,
    neighbors: str | None = None,
    k: int = 10,
    failures: bool = False,
    label: str | None = None,
    catalog: Place | None = None,
    progress: bool | None = None,
) -> Inspected:
    """Show schema, spaces, coverage, failures, odd vectors and provenance; neighbors and label accuracy on request.

    Example: featurizer inspect ./features --label subCategory --catalog ./catalog

    Args:
        path: A feature set or a catalog.
        neighbors: List the nearest items of this one, by space.
        k: How many neighbors.
        failures: List every item of which something failed, by its reason.
        label: Leave-one-out 1-NN accuracy on this column of the catalog.
        catalog: The catalog with that column, and with titles.
    """

def list_datasets(
    name: str | None = None,
    *,
    progress: bool | None = None,
) -> dict[str, DatasetEntry]:
    """List the datasets of data_manifest.yaml, or show one: addresses, format, terms, citation, statistics.

    Example: featurizer datasets show amazon-2014-baby

    Args:
        name: A dataset's name; without one all are listed.
    """

def list_encoders(
    name: str | None = None,
    *,
    modality: Literal['image', 'text', 'both'] | None = None,
    language: str | None = None,
    measure: bool = False,
    device: str = 'auto',
    progress: bool | None = None,
) -> dict[str, PresetDescription]:
    """List the encoder presets and plug-ins, or show an encoder: model, dimensions, license, whether it can run here.

    Example: featurizer encoders show clip

    Args:
        name: An encoder as 'extract' takes it, options too; without one all presets are listed.
        modality: List those that read pictures, texts, or both.
        language: List those that read texts in a language, such as de; pictures alone have none.
        measure: Load the encoder and say how many items a second it encodes on this machine.
        device: Where it is measured: auto, cpu, cuda, cuda:I or mps.
    """

def make_report(
    of: Sequence[Place] | Place,
    *,
    figures: Place | None = None,
    title: str | None = None,
    items: int = 20000,
    max_mb: int = 25,
    tsne: bool = True,
    seed: int = 0,
    labels: Sequence[str] | str = ...,
    out: Place = ...,
    progress: bool | None = None,
) -> Made[Shown]:
    """Show what folders hold on one page: leaderboard, maps, neighbors, curves, failures, provenance.

    The page needs no network and no server. Give the catalog too, for pictures and titles.

    Example: featurizer report ./features ./scores ./catalog --out report.html

    Args:
        of: Catalogs, feature sets, scores, trained models, or folders of these.
        figures: Also write the charts and maps into this folder, as PNG.
        title: The page's title.
        items: Items on the maps; of more, a sample is shown.
        max_mb: Keep the page below so many megabytes.
        tsne: Draw t-SNE maps: minutes for many items.
        seed: Of samples and maps.
        labels: Color the maps by this column of the catalog too.
        out: The page to write.
    """

def pretrain_ica(
    catalog: Place,
    *,
    vision: str,
    text: str,
    size: Literal['tiny', 'small', 'base'] = 'small',
    width: int | None = None,
    layers: int | None = None,
    heads: int | None = None,
    fused_layers: int | None = None,
    expansion: int | None = None,
    pool: Literal['cls', 'mean'] = 'cls',
    word_states: Literal['contextual', 'static'] = 'contextual',
    image_ratio: float | None = 0.4,
    text_ratio: float | None = 0.5,
    unpaired_text_ratio: float | None = 0.15,
    hide_share: float | None = 0.6,
    method: Literal['latent', 'alignrec'] | None = 'latent',
    latent: float | None = 5.0,
    image_target: Literal['code', 'feature'] | None = 'code',
    codes: int | None = 512,
    tokens: float | None = 1.0,
    cls: float | None = 1.0,
    pooled: float | None = 1.0,
    contrastive: float | None = 0.0,
    temperature: float | None = 0.1,
    copurchase: float | None = 0.0,
    epochs: int | None = 6,
    batch_size: int | None = 128,
    accumulate: int | None = 1,
    learning_rate: float | None = 0.0005,
    weight_decay: float | None = 0.05,
    warmup: float | None = 0.1,
    clip: float | None = 1.0,
    patience: int | None = 3,
    valid_share: float | None = 0.1,
    ema: float | None = 0.0,
    precision: Literal['float32', 'bfloat16'] | None = 'float32',
    recompute: bool | None = False,
    checkpoint_minutes: float | None = 5.0,
    seed: int | None = 0,
    interactions: Place | None = None,
    cache: bool = True,
    tensorboard: Place | None = None,
    device: str = 'auto',
    threads: int | None = None,
    engine: Literal['local', 'ray'] | None = 'local',
    workers: int | None = None,
    gpus_per_worker: float | None = 0.0,
    address: str | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Pretrained:
    """Train AlignRec's inter-content alignment (ICA) on a catalog: mask, then predict across image and text.

    Both encoders stay frozen. Several processes: torchrun --nproc-per-node N -m featurizer pretrain-ica …

    Example: featurizer pretrain-ica ./catalog --vision efficientnet-lite0 --text minilm --out ./ica

    Args:
        catalog: A catalog: a folder, or an address such as s3://bucket/catalog.
        vision: The vision encoder, as for extract --encoder.
        text: The text encoder, likewise.
        size: The transformer: 128×2, 256×4 or 768×12.
        width: Length of the hidden states, and under alignrec of the unified vector.
        layers: Transformer blocks, all with one attention shared by both modalities.
        heads: Attention heads; divides the width.
        fused_layers: Top blocks with one expert for both modalities; those below have one each.
        expansion: An expert's inner width over the width.
        pool: What the unified vector is: the CLS state, or the mean.
        word_states: Word pieces: states re-encoded under the mask, or input embeddings.
        image_ratio: Share of a picture's patches that are masked, in blocks.
        text_ratio: Share of a text's words that are masked, where there is a picture too.
        unpaired_text_ratio: The same where there is no picture.
        hide_share: Share of the items with both that lose one whole modality, half of them each.
        method: latent: from a masked view the join of the whole item; alignrec: the masked tokens alone, as the paper says.
        latent: Weight of what the join holds of the masked or hidden modality; of latent alone.
        image_target: A masked patch is predicted as its entry in the codebook, or as the frozen token itself.
        codes: Entries of the codebook of visual tokens.
        tokens: Weight of masked tokens predicted at their own positions.
        cls: Weight of the same tokens predicted from the CLS state and their position alone.
        pooled: Weight of the frozen pooled vector of what is masked or hidden, predicted from CLS.
        contrastive: Weight of InfoNCE between the CLS of the picture alone and of the text alone; 0 is off.
        temperature: Temperature of the contrastive terms.
        copurchase: Weight of InfoNCE between the CLS states of items bought together; needs --interactions; 0 is off.
        epochs: Passes over the train items at most; 0 leaves the start as it is.
        batch_size: Items a step, for each process.
        accumulate: Parts that a batch is computed in: changes memory, not the result.
        learning_rate: AdamW's at its peak: reached after the warm-up, then down a cosine to 0.
        weight_decay: AdamW's, on matrices only.
        warmup: Share of all steps.
        clip: Largest norm of the gradient.
        patience: Epochs without a better one before it stops.
        valid_share: Share of items held out.
        ema: Decay of averaged weights, which then are the model; 0 is off.
        precision: What the passes compute in: bfloat16 is autocast.
        recompute: Recompute activations in the backward pass (gradient checkpointing): less memory, more time.
        checkpoint_minutes: How often an epoch's progress is saved; it is saved after each epoch too.
        seed: Of the held-out items, the first weights, the order and the masks.
        interactions: Who bought what: to choose the epoch by validation recall, and for --copurchase.
        cache: Keep the frozen tokens in OUT/tokens, or encode pictures again every epoch.
        tensorboard: Folder for TensorBoard's event files too.
        device: auto, cpu, cuda, cuda:I or mps.
        threads: Threads that compute on the CPU; the bits of a result depend on how many. [default: one a core]
        engine: Who makes the shards: this process, or workers of a Ray cluster; the bytes are the same.
        workers: With ray: how many processes. [default: as many as fit]
        gpus_per_worker: With ray: GPUs of each worker; a fraction where several share one.
        address: With ray: auto, or HOST or HOST:PORT of a cluster. [default: one of this machine's own, for this run]
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def publish(
    of: Place,
    *,
    repo: str,
    public: bool = False,
    private: bool = False,
    into_existing: bool = False,
    branch: str = 'main',
    tag: str | None = None,
    collection: str | None = None,
    with_images: bool = False,
    catalog: Place | None = None,
    with_users: bool = False,
    benchmark: str | None = None,
    check: bool = True,
    sign: Place | None = None,
    dry_run: bool = False,
    progress: bool | None = None,
) -> Plan | Published:
    """Verify a feature set or model, publish it on the Hub, and compare what arrived. Run it again after any fault.

    The token comes from HF_TOKEN or 'hf auth login'. Everything is sent, then shown in one commit.

    Example: featurizer publish ./features --repo my-shop/item-features --tag v1

    Args:
        of: A feature set, or a model's folder.
        repo: The repository, ORG/NAME.
        public: Make a new repository public; without it, it is private.
        private: Refuse a repository that is public.
        into_existing: Publish beside files that featurizer did not; they stay.
        branch: Write to this branch; made if it is not there.
        tag: Give what is published this tag, such as v1.
        collection: Put it into the collection of this title.
        with_images: Publish the catalog's pictures too; needs an open license.
        catalog: The catalog, for --with-images.
        with_users: Of a model, publish users and what they used too.
        benchmark: Of a model, the Hub's data set that its test results are of, ORG/NAME[@REVISION].
        check: Download what was published and compare.
        sign: Sign all that is published with this Ed25519 private key, a PEM file; 'verify --key' checks it.
        dry_run: List files and card; no token, no network, nothing sent.
    """

def pull(
    repo: str,
    *,
    revision: str = 'main',
    model: bool = False,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Made[Pulled]:
    """Download what 'publish' put on the Hub, at one commit, and check every file against its manifest.

    Example: featurizer pull my-shop/item-features --revision v1 --out ./features

    Args:
        repo: The repository.
        revision: A branch, tag or commit.
        model: It is a model, not a feature set.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def recommend(
    model: Place,
    *,
    user: str,
    k: int = 20,
    catalog: Place | None = None,
    export: Place | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> list[Recommended]:
    """List what a trained model recommends a user, without what they trained on.

    Example: featurizer recommend ./model --user A1B2 -k 10 --catalog ./catalog

    Args:
        model: A folder made by 'featurizer train'.
        user: The user's id.
        k: How many items.
        catalog: The catalog, to print titles from.
        export: Also write the vectors as feature sets, DIR/users and DIR/items.
        overwrite: Replace another model's vectors in --export.
    """

def score_features(
    features: Sequence[Place] | Place,
    *,
    interactions: Place,
    item_map: Place | None = None,
    spaces: Sequence[str] | str = ...,
    metrics: Sequence[str] | str = ...,
    transforms: Sequence[Literal['auto', 'none', 'center', 'whiten']] | Literal['auto', 'none', 'center', 'whiten'] = ...,
    fusion: Literal['equal', 'auto'] = 'equal',
    refit: bool = True,
    k: Sequence[int] | int = ...,
    neighbors: Sequence[int] | int = ...,
    ratios: Sequence[float] | float = ...,
    masked_image: Sequence[Place] | Place = ...,
    masked_text: Sequence[Place] | Place = ...,
    model: str | None = 'alignrec',
    epochs: int | None = None,
    seeds: int | None = 3,
    trials: int | None = 0,
    masked: bool | None = False,
    splits: Sequence[Literal['valid', 'test']] | Literal['valid', 'test'] = ...,
    users: int | None = None,
    min_coverage: float = 0.5,
    seed: int = 0,
    memory: str = '1GiB',
    device: str = 'auto',
    threads: int | None = None,
    attach: bool = False,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Leaderboard:
    """Score feature sets for recommendation: one leaderboard, with intervals and paired tests.

    Sets with different items are compared on those they share.

    Example: featurizer score-features ./clip ./dinov2 --interactions ./catalog/interactions.parquet --out ./scores

    Args:
        features: Feature set folders.
        interactions: Split interactions: .parquet, .csv, .tsv or .inter.
        item_map: CSV or TSV with asin and itemID, when the interactions number the items.
        spaces: A space; a+b joins two. [default: all, and each image+text pair]
        metrics: Scorers, your own too.
        transforms: Geometry: auto centers each space, none leaves it as stored; several side by side.
        fusion: Weights of joined spaces: equal, or chosen on held-out items of train (auto), with half-whitening.
        refit: For cold items, learn a space that their interactions taught again without them, every choice included.
        k: Lengths of the lists.
        neighbors: Of item-CF.
        ratios: Shares of the items that lose the modality, for mask-modality.
        masked_image: The set encoded without pictures, for spaces of both modalities.
        masked_text: The set encoded without texts, likewise.
        masked_sets: image=DIR or text=DIR, as these two were given before.
        model: The recommender that downstream trains.
        epochs: At most so many. [default: the model's]
        seeds: Of each training, counted on from --seed.
        trials: Of a search on validation before each training; 0 for none.
        masked: Train on the masked spaces, too.
        splits: Whose positives are ranked for.
        users: Rank for so many users at most, drawn by --seed.
        min_coverage: Least share of train pairs whose items every set has.
        seed: Of everything drawn.
        memory: What a block of scores may take.
        device: auto, cpu, cuda or cuda:I.
        threads: Threads that compute on the CPU; the bits of a result depend on how many. [default: one a core]
        attach: Write each feature set's scores into it and its card.
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def train(
    features: Place,
    *,
    interactions: Place,
    space: str | None = None,
    fusion: Literal['equal', 'auto'] = 'equal',
    item_map: Place | None = None,
    min_coverage: float = 0.5,
    model: str = 'alignrec',
    exact: bool = False,
    dim: int | None = None,
    layers: int | None = None,
    neighbors: int | None = None,
    alpha: float | None = None,
    reg: float | None = None,
    uia: float | None = None,
    l2: float | None = None,
    temperature: float | None = None,
    item_graph: bool | None = None,
    trainable_features: bool | None = None,
    moving_target: bool | None = None,
    repeats: bool | None = None,
    contrast: int | None = None,
    half: bool | None = None,
    ridge: float | None = None,
    content_loss: float | None = None,
    keep_edges: float | None = None,
    nearest: int | None = None,
    shrinkage: float | None = None,
    content_share: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    decay: float | None = None,
    patience: int | None = None,
    evaluate_every: int | None = None,
    ks: Sequence[int] | int | None = None,
    checkpoint_every: int | None = None,
    seed: int = 0,
    seeds: int = 1,
    tune: bool = False,
    search: Literal['random', 'grid'] = 'random',
    trials: int = 12,
    device: str = 'auto',
    threads: int | None = None,
    out: Place,
    overwrite: bool = False,
    wait: float | None = None,
    progress: bool | None = None,
) -> Trained:
    """Train a recommender on item features, choose its epoch on validation, report it on test.

    Options without a default take the model's own, found on the validation items of Amazon Baby.

    Example: featurizer train ./features --interactions ./catalog/interactions.parquet --out ./model

    Args:
        features: A feature set folder.
        interactions: Split interactions: .parquet, .csv, .tsv or .inter.
        space: The space to learn from; a+b joins two. [default: unified, or the only one]
        fusion: Weights of joined spaces: equal, or chosen on held-out items of train (auto), with half-whitening.
        item_map: CSV or TSV with asin and itemID, when the interactions number the items.
        min_coverage: Least share of train pairs whose items have a feature.
        model: Which recommender.
        exact: AlignRec as its authors compute it.
        dim: Width of the vectors that users and items get. (alignrec, bpr, freedom, lightgcn, vbpr)
        layers: Layers over the graph of users and items. (alignrec, freedom, lightgcn)
        neighbors: Neighbors an item has in the item graph, itself included. (alignrec, freedom)
        alpha: Weight of content-id alignment (CCA). (alignrec)
        reg: Weight of the similarity regularization (REG). (alignrec)
        uia: Weight of user-item alignment (UIA). (alignrec, bpr, lightgcn)
        l2: Weight of the L2 term. (alignrec, bpr, freedom, lightgcn, vbpr)
        temperature: Temperature of CCA. (alignrec)
        item_graph: The graph between items; off for an ablation. (alignrec)
        trainable_features: Whether the features are only where learning starts, not what it is held to. (alignrec)
        moving_target: Whether REG's target moves with trainable features, as in the authors' code. (alignrec)
        repeats: Whether an item or user counts in CCA and REG as often as it stands in the batch, as in the authors' code. (alignrec)
        contrast: Rows that CCA contrasts at a time and REG compares, out of a batch; 0 is the whole batch. (alignrec)
        half: Multiply fixed features in bfloat16 where the processor does that faster than in float32. (alignrec)
        ridge: Weight of the squared weights, λ of the closed form. (ease, ridge)
        content_loss: Weight of the BPR loss on projected features. (freedom)
        keep_edges: Share of the train pairs that an epoch's graph keeps. (freedom)
        nearest: Nearest items that an item adds its similarity to, itself not among them. (itemknn, itemknn-content, itemknn-joint)
        shrinkage: Is added to the denominator of the cosine, against chance among few buyers. (itemknn, itemknn-joint)
        content_share: Share that the features have in an item's similarity with another, c; the interactions have the rest. (itemknn-joint)
        epochs: Epochs at most.
        batch_size: Train pairs a step; where none are asked for, 2,048, and on large data as many as make 128 steps an epoch.
        learning_rate: Adam's, in the first epoch.
        decay: The learning rate falls by this factor every 50 epochs, a little each epoch.
        patience: Stop after so many evaluations without a better validation Recall@20.
        evaluate_every: Epochs between evaluations.
        ks: Lengths of the lists that are reported; 20 is always among them.
        checkpoint_every: Epochs between checkpoints; a killed run resumes from the last.
        seed: The first seed.
        seeds: How many seeds.
        tune: Search hyper-parameters on validation first.
        search: How --tune searches.
        trials: Trials of a random search.
        device: auto, cpu, cuda or cuda:I.
        threads: Threads that compute on the CPU; the bits of a result depend on how many. [default: one a core]
        out: Folder to write into.
        overwrite: Replace what the folder holds.
        wait: Seconds to wait where another process writes the folder; without it that is an error.
    """

def verify(
    path: Place,
    *,
    catalog: Place | None = None,
    sample: int = 0,
    encoders: Sequence[str | EncoderOptions] | str | EncoderOptions = ...,
    trust_remote_code: Sequence[str] | str = ...,
    device: str = 'auto',
    key: Place | None = None,
    sign: Place | None = None,
    progress: bool | None = None,
) -> Verification:
    """Check a feature set, catalog, model or scores against its own manifest, hashes and values. Exit 1 on problems.

    With --catalog a feature set is compared with its catalog, with --sample some items are encoded again.

    Example: featurizer verify ./features --catalog ./catalog --sample 20

    Args:
        path: What a command wrote: a feature set, a catalog, a model, scores.
        catalog: The catalog it was made from: ids and pictures are checked too; needed by --sample.
        sample: Encode so many items again and compare.
        encoders: An encoder with its folder, for --sample, where the folder lies elsewhere now.
        trust_remote_code: Run the code of its own that an encoder's repository holds, for --sample: REPO@COMMIT, as 'extract' was told.
        device: auto, cpu, cuda, cuda:I or mps.
        key: Check the signature of every file with this Ed25519 public key, a PEM file.
        sign: Sign every file with this Ed25519 private key, a PEM file, where nothing is wrong.
    """

def from_arrays(
    ids: Sequence[str],
    vectors: Mapping[str, np.ndarray],
    *,
    modality: Literal["image", "text", "both"] | Mapping[str, Literal["image", "text", "both"]],
    out: str | Path,
    dtype: Literal["float32", "float16"] = "float32",
    license: str | None = None,
    source: str | None = None,
    overwrite: bool = False,
) -> FeatureSet:
    """Make a feature set of one's own vectors, to score, compare, train on or publish.

    Args:
        ids: n item ids, all different, in the order of the rows.
        vectors: (n, d) float arrays by the name of their space; a row of NaN is an item without a vector.
        modality: what the vectors were made from, of all spaces or by name.
        out: folder to write the set into.
        dtype: what vectors are stored in.
        license: of the vectors' source, an SPDX id; recorded.
        source: where the vectors come from; recorded.
        overwrite: replace what the folder holds.

    Raises:
        InputError: ids repeat, or a vector is infinite or NaN in part.
        ShapeMismatch: an array has another number of rows than there are ids.
        StaleOutput: the folder holds something else.
    """

def open_folder(folder: str | Path) -> Catalog | FeatureSet | Leaderboard | Model | Pretrained | Aligned:
    """Open what any command made: a catalog, a feature set, scores, a trained model, an alignment.

    Raises:
        InputError: the folder holds none of them, or it is not finished.
    """

def run_recipe(
    recipe: str | Path,
    settings: Mapping[str, object] | None = None,
    *,
    start: str | None = None,
    only: str | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> list[Finished]:
    """Run a recipe: what is done is skipped, what was interrupted is resumed.

    Args:
        recipe: a recipe's file, or the name of a shipped one.
        settings: variables, `out`, or `step.option`, by name.
        start: leave out the steps above this one.
        only: run this step alone.
        overwrite: make stale and damaged steps again.
        progress: draw how far it is; None draws it in a notebook.

    Returns:
        The steps, each with its folder and one line of what came of it.
    """
