"""The command `pretrain-ica`: a catalog's pictures and texts become one feature an item."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.ica.options import SIZES, Architecture, IcaOptions, Masking, Objective, Pool, Size, Training
from featurizer.operations.cluster import OnCluster
from featurizer.operations.feature_sets import check_encoders, computing, encoder_folders, look_inside
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    Folder,
    FolderOperation,
    InteractionsPath,
    Kind,
    OptionGroup,
    Outcome,
    Reads,
    Some,
)
from featurizer.operations.text import table
from featurizer.operations.validation import overridden
from featurizer.records import Json
from featurizer.results.names import CARD

if TYPE_CHECKING:
    from featurizer.ica.pretrain import Pretrained


class PretrainIca(FolderOperation["Pretrained"]):
    """Train AlignRec's inter-content alignment (ICA) on a catalog: mask, then predict across image and text.

    Both encoders stay frozen. Several processes: torchrun --nproc-per-node N -m featurizer pretrain-ica …

    Example: featurizer pretrain-ica ./catalog --vision efficientnet-lite0 --text minilm --out ./ica
    """

    makes: ClassVar[Mapping[Kind, str]] = {"features": "features", "model": "model"}
    addresses: ClassVar[frozenset[str]] = frozenset({"catalog"})
    indifferent: ClassVar[frozenset[str]] = frozenset({"cache", "tensorboard", "cluster"})

    catalog: Annotated[Folder, Argument("CATALOG"), Reads(("catalog",))]
    """A catalog: a folder, or an address such as s3://bucket/catalog."""
    vision: Annotated[str, Completed("encoder")]
    """The vision encoder, as for extract --encoder."""
    text: Annotated[str, Completed("encoder")]
    """The text encoder, likewise."""
    size: Size = "small"
    """The transformer: 128×2, 256×4 or 768×12."""
    architecture: Annotated[Some, OptionGroup(lambda: {"architecture": Architecture}, stated=False)] = Field(
        default_factory=dict
    )
    """What differs from the size's: width, layers, heads, …."""
    pool: Pool = "cls"
    """What the unified vector is: the CLS state, or the mean."""
    word_states: Literal["contextual", "static"] = "contextual"
    """Word pieces: states re-encoded under the mask, or input embeddings."""
    masking: Annotated[Some, OptionGroup(lambda: {"masking": Masking})] = Field(default_factory=dict)
    """What is hidden: image_ratio, text_ratio, …."""
    objective: Annotated[Some, OptionGroup(lambda: {"objective": Objective})] = Field(default_factory=dict)
    """What is predicted: image_target, codes, contrastive, …."""
    training: Annotated[Some, OptionGroup(lambda: {"training": Training})] = Field(default_factory=dict)
    """How it learns: epochs, batch_size, learning_rate, seed, …."""
    interactions: Annotated[InteractionsPath | None, Flag("-i"), Reads(("interactions",))] = None
    """Who bought what: to choose the epoch by validation recall, and for --copurchase."""
    cache: bool = True
    """Keep the frozen tokens in OUT/tokens, or encode pictures again every epoch."""
    tensorboard: Path | None = None
    """Folder for TensorBoard's event files too."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""

    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads that compute on the CPU; the bits of a result depend on how many.  [default: one a core]"""
    cluster: Annotated[OnCluster, OptionGroup(lambda: {"cluster": OnCluster})] = OnCluster()
    """Who encodes; training runs in this process."""

    @model_validator(mode="after")
    def _check(self) -> PretrainIca:
        if self.cluster.engine == "ray" and not self.cache:
            raise InputError(
                "--engine ray makes the tokens that --no-cache does without; leave one of the two out"
            )
        self.options()
        return self

    def precheck(self) -> None:
        """Refuse encoders and devices that are not there."""
        check_encoders([self.vision, self.text], self.device)

    def options(self) -> IcaOptions:
        """Return everything that the training is told."""
        return IcaOptions(
            architecture=overridden(SIZES[self.size], self.architecture),
            masking=overridden(Masking(), self.masking),
            objective=overridden(Objective(), self.objective),
            training=overridden(Training(), self.training),
            pool=self.pool,
        )

    def settled(self) -> dict[str, Json]:
        """Return everything that the training is told but what only says when to save."""
        told: dict[str, Json] = self.options().model_dump(
            mode="json", exclude={"training": {"checkpoint_minutes"}}
        )
        return told

    def runs_model(self) -> bool:
        """Say that it does."""
        return True

    def shares(self) -> bool:
        """Say whether torchrun started several processes."""
        return int(os.environ.get("WORLD_SIZE", "1")) > 1

    def make(self, context: Context) -> Pretrained:
        """Train, and write model and features with their card."""
        from featurizer.catalog.store import Catalog
        from featurizer.encoders.device import resolve_device
        from featurizer.encoders.resolve import resolve
        from featurizer.ica.encoders import load_encoders
        from featurizer.ica.pretrain import PretrainRun, pretrain
        from featurizer.release.card import write_card
        from featurizer.training.distributed import local_device
        from featurizer.training.tracking import tensorboard_writer

        catalog = Catalog.open(self.catalog)
        for name in (self.vision, self.text):
            resolve(name)  # a wrong name is told before anything heavy is imported
        on_epoch = tensorboard_writer(self.tensorboard)
        device = local_device(resolve_device(self.device))
        encoders = load_encoders(
            self.vision, self.text, device=device, threads=self.threads, words=self.word_states
        )
        run = PretrainRun(
            self.vision,
            self.text,
            self.cache,
            self.interactions,
            self.overwrite,
            on_epoch,
            context.report,
            self.cluster.cluster(),
            self.word_states,
        )
        made = pretrain(catalog, encoders, self.out, self.options(), run)
        write_card(made.features)
        return made

    def open(self) -> Pretrained:
        """Return what stands in the folder."""
        from featurizer.ica.pretrain import open_pretrained

        return open_pretrained(self.out)

    def outcome(self, value: Pretrained) -> Outcome[Pretrained]:
        """Say how well what is hidden is predicted."""
        from featurizer.ica.pretrain import unused

        told, features = value.manifest, value.features
        said = told.document()
        kept = (
            "train_items",
            "valid_items",
            "epochs",
            "best_epoch",
            "training",
            "valid_loss",
            "masked_accuracy",
            "probe",
        )
        record: dict[str, Json] = {"out": str(value.folder), **{name: said[name] for name in kept}}
        folder = shlex.quote(str(value.folder))
        head = (
            f"trained on {told.train_items} items, best of {told.epochs} epochs: {told.best_epoch}, "
            f"validation loss {told.valid_loss:.4f}"
        )
        if told.training == "not used":
            head = f"training not used: {unused(told.epochs)}"
        masked = _accuracies(value) if told.training == "used" else ""
        lines = [f"{value.folder}: {head}", _completion(value), masked, _probes(value)]
        lines = [line for line in lines if line]
        lines += [f"  {name}: {features.rows:,} items" for name in features.spaces]
        return Outcome(
            value,
            head,
            "\n".join(lines),
            {**record, "spaces": list(features.spaces)},
            (features.folder / CARD,),
            advice=(
                look_inside(features.folder),
                f"Compare the spaces with: featurizer score-features {folder}/features --interactions FILE",
                f"Apply it to new items with: featurizer extract CATALOG --encoder ica:{folder} --out DIR",
            ),
        )

    def encoder_folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders of local encoders."""
        yield from encoder_folders("vision", [self.vision])
        yield from encoder_folders("text", [self.text])

    def depends(self) -> dict[str, Json]:
        """Return the libraries and the number of threads that a vector depends on."""
        return computing((self.vision, self.text), self.threads)


def _completion(value: Pretrained) -> str:
    told = value.manifest
    rows = [
        [
            f"missing {side}",
            told.fills[side],
            f"{told.held_out[f'retrieval_{side}']:.3f}",
            f"{told.residual_share.get(side, 0.0):.2f}",
        ]
        for side in told.fills
    ]
    return (
        table(["held-out items", "filled by", "found among the 10 nearest", "share of the residual"], rows)
        if rows
        else ""
    )


def _accuracies(value: Pretrained) -> str:
    rows = [
        [
            f"masked {row.side}",
            f"{row.present:.3f}",
            f"{row.absent:.3f}",
            f"{row.gain:+.3f} [{row.gain_low:+.3f}, {row.gain_high:+.3f}]",
            f"{row.majority:.3f}",
        ]
        for row in value.manifest.masked_accuracy
    ]
    return table(
        ["held-out accuracy", "with the other modality", "without", "gain [95 %]", "majority class"], rows
    )


def _probes(value: Pretrained) -> str:
    rows = [[row.tokens, f"{row.accuracy:.3f}", f"{row.majority:.3f}"] for row in value.manifest.probe]
    return table(["neighbors alone give away", "a linear probe", "majority class"], rows)
