import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, ImageOps

from featurizer.catalog.decode import MAX_PIXELS, UndecodableImage, decode, probe

LOSSLESS = ["PNG", "BMP", "TIFF", "PPM"]
LOSSY = ["JPEG", "GIF", "WEBP", "AVIF", "JPEG2000", "ICO"]


def photo(width=90, height=60, mode="RGB"):
    """A smooth gradient, so that lossy formats keep it recognizable."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width, height, depth, color, rows, *extra):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(extra)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def reason(data):
    with pytest.raises(UndecodableImage) as caught:
        decode(data)
    return caught.value.reason


def pixel(image, x=0, y=0):
    return image.getpixel((x, y))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30, "subsampling": 2}])
def test_an_ordinary_jpeg_gives_exactly_pillows_own_rgb(options):
    data = encoded(photo(), "JPEG", **options)
    expected = Image.open(io.BytesIO(data)).convert("RGB")
    assert decode(data).tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_lossless_format_gives_back_the_pixels_it_was_made_from(kind):
    assert decode(encoded(photo(), kind)).tobytes() == photo().tobytes()


@pytest.mark.parametrize("kind", LOSSLESS + LOSSY)
def test_every_format_is_decoded_to_rgb_and_probed_to_the_same_size(kind):
    data = encoded(photo(), kind)
    image = decode(data)
    assert image.mode == "RGB"
    assert image.size == probe(data)
    if kind != "ICO":  # which stores its own sizes
        assert np.abs(np.asarray(image, int) - np.asarray(photo(), int)).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "F", "I"])
def test_every_mode_of_tiff_becomes_rgb(mode):
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(photo(), ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    else:
        image = photo(mode=mode)
    assert decode(encoded(image, "TIFF")).mode == "RGB"


def test_an_adobe_inverted_cmyk_jpeg_comes_out_in_its_own_colors():
    data = encoded(photo(mode="CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert np.abs(np.asarray(decode(data), int) - np.asarray(photo(), int)).mean() < 4


def test_sixteen_bit_gray_is_scaled_by_257_and_not_clipped():
    values = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16).repeat(4, axis=0)
    image = decode(encoded(Image.fromarray(values), "PNG"))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]
    assert np.asarray(image)[..., 1].tolist() == np.asarray(image)[..., 0].tolist()


def test_big_endian_sixteen_bit_tiff_is_scaled_alike():
    values = np.full((4, 4), 25700, dtype=">u2")
    assert pixel(decode(encoded(Image.frombytes("I;16B", (4, 4), values.tobytes()), "TIFF"))) == (100,) * 3


def test_sixteen_bit_gray_marked_transparent_becomes_white():
    rows = b"".join(b"\0" + struct.pack(">4H", 7, 7, 0, 0) for _ in range(4))
    image = decode(png(4, 4, 16, 0, rows, chunk(b"tRNS", struct.pack(">H", 7))))
    assert (pixel(image, 0), pixel(image, 3)) == ((255, 255, 255), (0, 0, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white(mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    assert pixel(decode(encoded(image, "PNG"))) == (255, 255, 255)


def test_half_transparent_red_on_white_is_pink():
    assert pixel(decode(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 127)), "PNG"))) == (255, 128, 128)


def test_a_transparent_palette_entry_becomes_white():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((3, 3), 1)
    for kind in ("PNG", "GIF"):
        found = decode(encoded(image, kind, transparency=0))
        assert (pixel(found), pixel(found, 3, 3)) == ((255, 255, 255), (200, 0, 0))


def test_a_palette_with_an_alpha_per_entry_is_laid_on_white_without_a_warning():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0])
    assert pixel(decode(encoded(image, "PNG", transparency=b"\x80"))) == (127, 127, 127)


def test_a_color_marked_transparent_in_rgb_becomes_white():
    assert pixel(decode(encoded(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3)))) == (
        255,
        255,
        255,
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_as_pillow_would(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photo(), kind, exif=exif)
    upright = Image.open(io.BytesIO(data))
    upright.load()
    expected = ImageOps.exif_transpose(upright).convert("RGB")
    found = decode(data)
    assert found.size == probe(data) == ((60, 90) if orientation >= 5 else (90, 60))
    assert found.tobytes() == expected.tobytes()


def test_damaged_exif_costs_neither_the_picture_nor_a_warning():
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\x12\x01\x03\0\xff\xff\xff\x7f" * 3
    data = encoded(photo(), "JPEG", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).size == (90, 60)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    red, _, blue = pixel(decode(data))
    assert red > 240
    assert blue < 16


def test_no_bytes_are_empty():
    assert reason(b"") == "empty"


@pytest.mark.parametrize(
    "data",
    [b"<!doctype html><title>Not here</title>", b"\0" * 100, b"{}", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"G"],
)
def test_what_no_reader_knows_is_not_an_image(data):
    assert reason(data) == "not_an_image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_picture_cut_short_is_truncated(kind, share):
    data = encoded(photo(300, 200), kind)
    assert reason(data[: int(len(data) * share)]) == "truncated"


def test_a_whole_webp_with_a_broken_body_is_a_decode_error():
    data = bytearray(encoded(photo(), "WEBP"))
    data[20:] = b"\xff" * (len(data) - 20)
    assert reason(bytes(data)) == "decode_error"


def test_a_png_with_a_broken_chunk_is_a_decode_error():
    good = encoded(photo(), "PNG")
    assert reason(good.replace(b"IHDR", b"\xff\0\xffR", 1)) == "decode_error"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 2)])
def test_a_picture_of_two_by_two_or_less_is_a_placeholder(size):
    assert reason(encoded(Image.new("RGB", size), "GIF")) == "placeholder"


def test_a_thin_picture_is_no_placeholder():
    assert decode(encoded(Image.new("RGB", (1, 50)), "PNG")).size == (1, 50)


def test_a_bomb_of_900_megapixels_is_too_large_by_its_header_alone():
    row = zlib.compressobj()
    body = row.compress(b"\0" * (1 + 30_000 // 8)) + row.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    before = Image.MAX_IMAGE_PIXELS
    assert reason(data) == "too_large"
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_bomb_between_our_limit_and_pillows_warns_nobody():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert reason(png(10_000, 10_000, 1, 0, b"")) == "too_large"
    assert heard == []


def test_a_gif_whose_first_frame_outgrows_its_screen_is_too_large():
    frame = b"," + struct.pack("<4HB", 0, 0, 60_000, 60_000, 0) + b"\x02\x00;"
    assert reason(b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + frame) == "too_large"


def test_a_host_that_lowered_pillows_limit_changes_nothing(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert decode(encoded(photo(), "JPEG")).size == (90, 60)


def test_the_largest_allowed_picture_is_64_megapixels():
    assert MAX_PIXELS == 64_000_000
    assert probe(png(8_000, 8_000, 1, 0, b"")) == (8_000, 8_000)
    with pytest.raises(UndecodableImage):
        probe(png(8_000, 8_001, 1, 0, b""))


def test_truncated_pictures_stay_refused():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_many_threads_decode_alike():
    data = [encoded(photo(200 + n, 150), "JPEG") for n in range(8)]
    expected = [decode(one).tobytes() for one in data]
    with ThreadPoolExecutor(8) as pool:
        assert [image.tobytes() for image in pool.map(decode, data * 10)] == expected * 10


SEEDS = [encoded(photo(20, 14), kind) for kind in [*LOSSLESS, *LOSSY]]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_damaged_bytes_give_a_picture_or_a_reason_and_nothing_else(seed, data):
    damaged = bytearray(seed)
    for place in data.draw(st.lists(st.integers(0, len(seed) - 1), max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(UndecodableImage):
            assert decode(bytes(damaged[: data.draw(st.integers(1, len(seed)))])).mode == "RGB"
