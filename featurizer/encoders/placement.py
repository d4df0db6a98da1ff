"""Where a frozen model computes, in what numbers, and how its pictures lie in memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from featurizer.encoders.base import Dtype, EncoderRequest, MemoryFormat
from featurizer.errors import InputError

TORCH_DTYPES: dict[Dtype, torch.dtype] = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a model computes.

    Attributes:
        device: a torch device.
        dtype: what it computes in.
        memory_format: how the pictures and the filters of a convolutional model lie in memory; None for torch's own
            order, which puts a channel's pixels side by side.
    """

    device: str = "cpu"
    dtype: Dtype = "float32"
    memory_format: MemoryFormat | None = None

    @property
    def torch_dtype(self) -> torch.dtype:
        """What its weights and inputs are stored in."""
        return TORCH_DTYPES[self.dtype]

    @property
    def torch_format(self) -> torch.memory_format:
        """How torch calls the memory format."""
        return torch.channels_last if self.memory_format == "channels_last" else torch.contiguous_format

    @property
    def on_cuda(self) -> bool:
        """Whether it is an NVIDIA GPU, which computes while the program goes on."""
        return self.device.startswith("cuda")


def freeze(model: torch.nn.Module, request: EncoderRequest) -> Placement:
    """Put a model in evaluation mode on the device and in the dtype asked for, without gradients.

    On CUDA float32 means float32 and `tf32` means TF32, for the whole process: torch's switches know no models.

    Returns:
        Where it is now; a convolutional model has its filters' channels last, which convolutions are faster with.

    Raises:
        InputError: TF32 is asked of something else than an NVIDIA GPU.
    """
    place = Placement(request.device, request.dtype, _memory_format(model, request.device))
    if place.dtype == "tf32" and not place.on_cuda:
        raise InputError(
            f"tf32 is a number format of NVIDIA GPUs, and the device is {place.device}; choose another --compute-dtype"
        )
    if place.on_cuda and place.torch_dtype == torch.float32:
        # torch lets cuDNN convolve in TF32, with 10 bits of mantissa, where nobody says otherwise
        allowed = place.dtype == "tf32"
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    model.requires_grad_(requires_grad=False).eval().to(place.device, place.torch_dtype)
    if place.memory_format is not None:
        model.to(memory_format=place.torch_format)
    return place


def _memory_format(model: torch.nn.Module, device: str) -> MemoryFormat | None:
    """Say how a model's pictures are to lie: a transformer's one convolution, which cuts patches, gains nothing."""
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in model.modules())
    return "channels_last" if convolutions > 1 and not device.startswith("mps") else None
