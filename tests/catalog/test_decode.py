import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, ImageOps

from featurizer.catalog.decode import MAX_PIXELS, UndecodableImage, decode, probe
from featurizer.catalog.png import without_large_metadata

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
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((3, 3), (0, 0, 0, 255))
    found = decode(encoded(image.convert(mode), "PNG"))
    assert (pixel(found), pixel(found, 3, 3)) == ((255, 255, 255), (0, 0, 0))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_a_picture_that_is_wholly_transparent_is_a_placeholder(kind):
    assert reason(encoded(Image.new("RGBA", (40, 40), (200, 10, 10, 0)), kind)) == "placeholder"


def test_a_bmp_whose_alpha_was_left_at_zero_has_none():
    pixels = np.dstack([np.asarray(photo()), np.zeros((60, 90), np.uint8)])[::-1, :, [2, 1, 0, 3]]
    header = struct.pack("<IiiHHIIiiII", 108, 90, 60, 1, 32, 3, pixels.nbytes, 0, 0, 0, 0)
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"sRGB" + bytes(48)
    data = b"BM" + struct.pack("<IHHI", 122 + pixels.nbytes, 0, 0, 122) + header + pixels.tobytes()
    assert Image.open(io.BytesIO(data)).mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(decode(data)), np.asarray(photo()))


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
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((3, 3), (1, 2, 4))
    found = decode(encoded(image, "PNG", transparency=(1, 2, 3)))
    assert (pixel(found), pixel(found, 3, 3)) == ((255, 255, 255), (1, 2, 4))


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


GRAY = np.linspace(0, 255, 90 * 60).reshape(60, 90).round().astype(np.uint8)


def tiff(values, **tags):
    """A TIFF of one strip, written here: Pillow writes neither unsigned 32 bits nor white as 0."""
    kinds = {"u": 1, "i": 2, "f": 3}
    height, width = values.shape
    entries = {
        256: width,
        257: height,
        258: values.dtype.itemsize * 8,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: values.nbytes,
        339: kinds[values.dtype.kind],
    } | {int(number[1:]): value for number, value in tags.items()}
    body = values.astype(values.dtype.newbyteorder("<")).tobytes()
    directory = struct.pack("<H", len(entries))
    for number, value in sorted(entries.items()):
        kind, packed = (
            (11, struct.pack("<f", value)) if isinstance(value, float) else (4, struct.pack("<I", value))
        )
        directory += struct.pack("<HHI", number, kind, 1) + packed
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + struct.pack("<I", 0)


def shown(values, **tags):
    return np.asarray(decode(tiff(values, **tags)))[..., 0]


@pytest.mark.parametrize(
    "values",
    [
        (GRAY / 255).astype(np.float32),
        (GRAY / 255).astype(np.float32) * 0.999999,
        GRAY.astype(np.float32),
        GRAY.astype(np.float32) * 257,
        (GRAY / 255 * 7 - 3).astype(np.float32),
        GRAY.astype(np.int32),
        GRAY.astype(np.int32) * 257,
        GRAY.astype(np.int32) * 8_000_000,
        GRAY.astype(np.int32) * 8_000_000 - 1_000_000_000,
        GRAY.astype(np.uint32) * 16_843_009,
        GRAY.astype(np.uint16) * 257,
        GRAY.astype(np.uint16) * 16,
        GRAY.astype(np.int16) * 128,
        GRAY.astype(np.int16),
        (GRAY.astype(np.int16) - 128).astype(np.int8),
    ],
)
def test_deep_gray_of_every_kind_is_scaled_by_the_range_of_its_values(values):
    np.testing.assert_allclose(shown(values).astype(int), GRAY.astype(int), atol=1)


def test_the_range_that_a_tiff_tells_stands_before_that_of_its_values():
    low = GRAY.astype(np.float32) / 510
    assert shown(low).max() == 128
    assert shown(low, t340=0.0, t341=0.5).max() == 255
    assert shown((GRAY // 2).astype(np.uint16), t280=0, t281=127).max() == 255


@pytest.mark.parametrize("values", [GRAY.astype(np.uint16) * 257, (GRAY / 255).astype(np.float32)])
def test_deep_gray_with_white_as_zero_is_no_negative(values):
    np.testing.assert_array_equal(shown(values, t262=0), 255 - shown(values))


def test_gray_of_twelve_bits_ends_at_4095():
    values = GRAY.astype(np.uint16).reshape(-1, 2) * 16
    packed = np.stack(
        [values[:, 0] >> 4, (values[:, 0] & 15) << 4 | values[:, 1] >> 8, values[:, 1] & 255], axis=1
    )
    data = tiff(packed.astype(np.uint8).reshape(60, 135), t256=90, t258=12)
    np.testing.assert_allclose(np.asarray(decode(data))[..., 0].astype(int), GRAY.astype(int), atol=1)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_a_reason(odd):
    values = (GRAY / 255).astype(np.float32)
    values[3, 3] = odd
    assert reason(tiff(values)) == "decode_error"


def test_one_value_of_no_known_range_shows_nothing_and_is_a_reason():
    assert reason(tiff(np.full((9, 9), -3.5, np.float32))) == "decode_error"


@pytest.mark.parametrize("size", [900_000, 1_100_000, 3_000_000, 30_000_000])
@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP", "tEXt"])
def test_metadata_of_any_size_costs_no_png(kind, size):
    text, rows = b"a" * size, b"".join(b"\0" + row.tobytes() for row in GRAY)
    packed = zlib.compress(text)
    body = {
        "zTXt": b"Comment\0\0" + packed,
        "iTXt": b"Comment\0\1\0en\0Comment\0" + packed,
        "iCCP": b"profile\0\0" + packed,
        "tEXt": b"Comment\0" + text,
    }[kind]
    before, behind = png(90, 60, 8, 0, rows, chunk(kind.encode(), body)), png(90, 60, 8, 0, rows)
    behind = behind[:-12] + chunk(kind.encode(), body) + behind[-12:]
    for data in (before, behind):
        np.testing.assert_array_equal(np.asarray(decode(data))[..., 0], GRAY)
        assert probe(data) == (90, 60)


def test_many_texts_together_cost_no_png():
    rows = b"".join(b"\0" + row.tobytes() for row in GRAY)
    texts = [chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_000_000))] * 80
    np.testing.assert_array_equal(np.asarray(decode(png(90, 60, 8, 0, rows, *texts)))[..., 0], GRAY)


def test_a_png_without_large_metadata_keeps_its_bytes():
    data = encoded(photo(), "PNG") + b"behind"
    assert without_large_metadata(data) is data


def noise(size=64):
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"quality": 20}, {"quality": 95, "subsampling": 0}]
)
@pytest.mark.parametrize("image", [photo(), photo(mode="L"), noise()])
def test_a_jpeg_that_lacks_its_end_marker_is_whole(options, image):
    data = encoded(image, "JPEG", **options)
    for short in (data[:-2], data[:-1]):
        assert decode(short).tobytes() == decode(data).tobytes()


def outcome(data):
    """Return the pixels, or the reason why there are none."""
    try:
        return decode(data).tobytes()
    except UndecodableImage as error:
        return error.reason


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_that_lacks_more_is_truncated_or_has_every_pixel(options):
    data = encoded(noise(), "JPEG", **options)
    whole = decode(data).tobytes()
    found = {outcome(data[:-lacking]) for lacking in range(3, 400)}
    assert found <= {"truncated", whole}
    assert reason(data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize("options", [{}, {"quality": 60}])
def test_heic_is_read_where_its_package_is_installed(options):
    data = encoded_heic(photo(), **options)
    found = np.asarray(decode(data)).astype(int)
    assert np.abs(found - np.asarray(photo())).mean() < 8
    assert probe(data) == (90, 60)


def test_heic_names_the_package_that_it_needs(monkeypatch):
    data = encoded_heic(photo())
    monkeypatch.setattr("featurizer.registry.find_spec", lambda _: None)
    with pytest.raises(UndecodableImage, match=r"pip install 'featurizer\[heif\]'") as caught:
        decode(data)
    assert caught.value.reason == "needs_pillow_heif"
    with pytest.raises(UndecodableImage, match="HEIC"):
        probe(data)
    assert decode(encoded(photo(), "AVIF")).size == (90, 60)


def encoded_heic(image, **options):
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, **options)
    return buffer.getvalue()
