"""The step `pretrain-ica`: a catalog's pictures and texts become one feature an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.ica.options import SIZES, IcaOptions, Masking, Objective, Training
from featurizer.operations.made import encoder_folders
from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.operations.overrides import Some, overridden
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.ica.pretrain import Pretrained


class PretrainIca(Work):
    """What `featurizer pretrain-ica` is told; options that stand in groups are named as in the library."""

    makes: ClassVar[Mapping[Kind, str]] = {"features": "features", "model": "model"}
    indifferent: ClassVar[frozenset[str]] = frozenset({"cache"})

    catalog: Annotated[Path, Reads(("catalog",))]
    """The catalog."""
    vision: str
    """The vision encoder."""
    text: str
    """The text encoder."""
    size: Literal["tiny", "small", "base"] = "small"
    """The transformer."""
    pool: Literal["cls", "mean"] = "cls"
    """What the unified vector is."""
    word_states: Literal["contextual", "static"] = "contextual"
    """Word pieces: states re-encoded under the mask, or input embeddings."""
    architecture: Some = Field(default_factory=dict)
    """Options that replace those of the size: width, layers, heads, …."""
    masking: Some = Field(default_factory=dict)
    """image_ratio, text_ratio, …."""
    objective: Some = Field(default_factory=dict)
    """image_target, codes, contrastive, …."""
    training: Some = Field(default_factory=dict)
    """epochs, batch_size, learning_rate, seed, …."""
    interactions: Annotated[Path | None, Reads(("interactions",))] = None
    """Who bought what, for objective.copurchase."""
    cache: bool = True
    """Keep the frozen tokens on disk."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""

    @model_validator(mode="after")
    def _check(self) -> PretrainIca:
        self.options()
        return self

    def options(self) -> IcaOptions:
        """Return everything that the training is told."""
        return IcaOptions(
            overridden(SIZES[self.size], self.architecture),
            overridden(Masking(), self.masking),
            overridden(Objective(), self.objective),
            overridden(Training(), self.training),
            self.pool,
        )

    def make(self, to: Target, on_epoch: Callable[[dict[str, Json]], None] = lambda _: None) -> Pretrained:
        """Train, and write model and features with their card; `on_epoch` is given every epoch's record."""
        from featurizer.catalog.store import Catalog
        from featurizer.encoders.device import resolve_device
        from featurizer.encoders.resolve import resolve
        from featurizer.ica.encoders import load_encoders
        from featurizer.ica.pretrain import PretrainRun, pretrain
        from featurizer.release.card import write_card
        from featurizer.training.distributed import local_device

        catalog = Catalog.open(self.catalog)
        for name in (self.vision, self.text):
            resolve(name)  # a wrong name is told before anything heavy is imported
        device = local_device(resolve_device(self.device))
        encoders = load_encoders(self.vision, self.text, device=device, words=self.word_states)
        run = PretrainRun(
            self.vision, self.text, self.cache, self.interactions, to.overwrite, on_epoch, to.report
        )
        made = pretrain(catalog, encoders, to.out, self.options(), run)
        write_card(made.features)
        return made

    def run(self, to: Target) -> Outcome:
        """Train, and say how well masked tokens are predicted."""
        made = self.make(to)
        told = made.manifest
        summary = (
            f"{told['train_items']} items, best of {told['epochs']} epochs: {told['best_epoch']}, validation loss "
            f"{told['valid_loss']:.3f}"
        )
        return Outcome(summary, (made.features.folder / "README.md",))

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders of local encoders."""
        yield from encoder_folders("vision", [self.vision])
        yield from encoder_folders("text", [self.text])

    def depends(self) -> dict[str, Json]:
        """Return the libraries that a vector depends on."""
        from featurizer.features.extract import library_versions

        return {"libraries": library_versions()}
