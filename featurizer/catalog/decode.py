"""Bytes to RGB: every picture is decoded here, one rule for each oddity, one reason for each failure."""

from __future__ import annotations

import io
import re
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, TypeAlias

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ExifTags import Base as Tag

from featurizer.catalog.gray import eight_bits, is_deep
from featurizer.catalog.heif import HEIF, is_heic, open_heic
from featurizer.catalog.jpeg import plain_jpeg
from featurizer.catalog.png import SIGNATURE, without_large_metadata
from featurizer.errors import InputError

__all__ = ["MAX_ASPECT", "MAX_PIXELS", "DecodeFailure", "UndecodableImage", "check", "decode", "probe"]

DecodeFailure: TypeAlias = Literal[
    "empty", "not_an_image", "truncated", "placeholder", "too_large", "decode_error", "needs_pillow_heif"
]

MAX_PIXELS: Final = 64_000_000
"""The largest picture that is decoded, 192 MB as RGB; the header is asked before any pixel is."""

MAX_ASPECT: Final = 200
"""The longest strip that is decoded: scaled to a model's short side, a longer one is gigabytes wide."""

LARGE: Final = 16_000_000
"""Pixels; of pictures with more, `check` has the pixels of one at a time in memory."""
_one_large = threading.Lock()

JPEG: Final = b"\xff\xd8"
"""What a JPEG begins with."""
END_OF_JPEG: Final = b"\xff\xd9"
"""What it ends with."""

PLACEHOLDER_SIDE: Final = 2
"""A picture no wider and no higher than this is what shops serve where they have none, as is one wholly transparent."""

# Named one by one: Pillow's own list has EPS, which starts Ghostscript, and formats without a magic number.
_READERS: Final[tuple[type[ImageFile.ImageFile], ...]] = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    GifImagePlugin.GifImageFile,
    WebPImagePlugin.WebPImageFile,
    AvifImagePlugin.AvifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    Jpeg2KImagePlugin.Jpeg2KImageFile,
    IcoImagePlugin.IcoImageFile,
    PpmImagePlugin.PpmImageFile,
)

_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING: Final = frozenset({5, 6, 7, 8})

# What these modules warn of is metadata that decoding does not use.
_METADATA_MODULES: Final = r"PIL\.(Tiff|Jpeg|Png|Ico)ImagePlugin"
_METADATA_FILTER: Final = ("ignore", None, UserWarning, re.compile(_METADATA_MODULES), 0)


class UndecodableImage(InputError):
    """These bytes are no picture that can be used; `reason` is the word for the item's row."""

    def __init__(self, reason: DecodeFailure, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: DecodeFailure = reason


def decode(data: bytes) -> Image.Image:
    """Decode an encoded picture wholly into mode RGB, upright, its first frame if it is animated.

    An ordinary JPEG gives exactly Pillow's `convert("RGB")`. Transparency is laid on white, deep gray is
    scaled to 8 bits (`eight_bits`), EXIF orientation is applied. A JPEG that lacks nothing but its end marker is
    whole, and metadata of a PNG is no reason to refuse it. Safe to call from many threads: pixels are
    decoded without the GIL, and none of Pillow's process-wide limits is read or changed.

    Raises:
        UndecodableImage: its `reason` is `empty`, `not_an_image`, `truncated`, `placeholder`, `too_large`
            (told from the header), `needs_pillow_heif` (HEIC without the package that reads it) or `decode_error`.
    """
    image = _open(data)
    try:
        image = _loaded(image, data)
        rgb = _to_rgb(image)
        turn = _UPRIGHT.get(_orientation(image))
        return rgb if turn is None else rgb.transpose(turn)
    except UndecodableImage:
        raise
    except (
        Exception
    ) as error:  # a dozen parsers on bytes from anywhere: whatever they raise is the item's row
        raise _failure(data, error) from error


def _loaded(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    try:
        image.load()
    except OSError:
        whole = _without_end_marker(data) if data.startswith(JPEG) else None
        if whole is None:
            raise
        return whole
    return image


def _without_end_marker(data: bytes) -> ImageFile.ImageFile | None:
    """Decode a JPEG that ends without its marker; None where pixels are missing as well.

    Where every pixel is there, whatever stands before the marker is skipped; where some are missing, they are read
    from it, and so differ.
    """
    body, images = data.removesuffix(END_OF_JPEG[:1]), []
    for filler in (b"", b"\x55" * 64, b"\xaa" * 64):
        image = _identify(body + filler + END_OF_JPEG)
        image.load()
        images.append(image)
    first, *others = (image.tobytes() for image in images)
    return images[0] if all(other == first for other in others) else None


def check(data: bytes) -> tuple[int, int]:
    """Read (width, height) as `decode` would return them, of a picture that it would return.

    Its pixels are decoded, unless it is a JPEG whose structure says that nothing in it fails, as most do.

    Raises:
        UndecodableImage: as `decode`.
    """
    plain = plain_jpeg(data) if data.startswith(JPEG) else None
    if plain is not None and plain.bare:
        _limited(plain.width, plain.height)
        return plain.width, plain.height
    image = _open(data)
    width, height = image.size
    if plain is None or not isinstance(image, JpegImagePlugin.JpegImageFile):
        guard: AbstractContextManager[object] = _one_large if width * height > LARGE else nullcontext()
        with guard:
            return decode(data).size
    return (height, width) if _orientation(image) in _LYING else (width, height)


def probe(data: bytes) -> tuple[int, int]:
    """Read (width, height) as `decode` would return them, from the header alone.

    Raises:
        UndecodableImage: the header cannot be read, or what it says is refused.
    """
    image = _open(data)
    width, height = image.size
    # Pillow's TIFF reader has turned the size already.
    lying = image.format != "TIFF" and _orientation(image) in _LYING
    return (height, width) if lying else (width, height)


def _open(data: bytes) -> ImageFile.ImageFile:
    """Read the header as `Image.open` does, but under this module's own limit and formats."""
    if not data:
        raise UndecodableImage("empty", "no bytes")
    if _METADATA_FILTER not in warnings.filters:  # `catch_warnings` is no cure among threads
        warnings.filterwarnings("ignore", category=UserWarning, module=_METADATA_MODULES)
    if data.startswith(SIGNATURE):
        data = without_large_metadata(data)
    image = _identify(data)
    _limited(*image.size)
    return image


def _limited(width: int, height: int) -> None:
    """Refuse a size that is not decoded."""
    if width * height > MAX_PIXELS:
        raise UndecodableImage("too_large", f"{width}x{height} pixels, at most {MAX_PIXELS:,} are decoded")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UndecodableImage("too_large", f"{width}x{height} pixels, at most {MAX_ASPECT}:1 is decoded")
    if max(width, height) <= PLACEHOLDER_SIDE:
        raise UndecodableImage("placeholder", f"{width}x{height} pixels")


def _identify(data: bytes) -> ImageFile.ImageFile:
    if is_heic(data):
        return _heic(data)
    for reader in _READERS:
        factory, accept = Image.OPEN[str(reader.format)]
        if accept is None or accept(data[:16]) is not True:
            continue
        file = io.BytesIO(data)
        try:
            return factory(file, "")
        except Exception as error:  # see decode
            raise _failure(data, error, exhausted=file.tell() >= len(data)) from error
    raise UndecodableImage("not_an_image", f"{len(data)} bytes that begin with {data[:12]!r}")


def _heic(data: bytes) -> ImageFile.ImageFile:
    try:
        image = open_heic(io.BytesIO(data))
    except Exception as error:  # see decode
        raise _failure(data, error) from error
    if image is None:
        raise UndecodableImage("needs_pillow_heif", f"a HEIC picture; to read such: {HEIF.pip_line}")
    return image


def _failure(data: bytes, error: Exception, *, exhausted: bool = False) -> UndecodableImage:
    """Name the reason for what a parser raised; `exhausted` says that the header ran to the last byte."""
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return UndecodableImage("too_large", detail)
    if data.startswith(b"RIFF"):  # libwebp reads all before it says anything
        short = int.from_bytes(data[4:8], "little") + 8 > len(data)
    else:
        short = exhausted or isinstance(error, EOFError) or "truncated" in str(error).lower()
    return UndecodableImage("truncated" if short else "decode_error", detail)


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; damaged EXIF counts as none, the pixels are good all the same."""
    try:
        return int(image.getexif().get(Tag.Orientation, 1))
    except Exception:  # noqa: BLE001  Pillow's EXIF reader has no error type of its own
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if is_deep(image):
        return eight_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (0, 0):
        # what writes a BMP of 32 bits often leaves the last eight at 0, and means no alpha
        if image.format == "BMP":
            return rgba.convert("RGB")
        raise UndecodableImage("placeholder", "every pixel is transparent")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white
