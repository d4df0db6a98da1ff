import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from featurizer.catalog.decode import UndecodableImage, check, decode
from featurizer.catalog.jpeg import plain_jpeg


def jpeg(mode="RGB", size=(40, 24), **options):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


PLAIN = {
    "usual": jpeg(),
    "tiny": jpeg(size=(3, 3)),
    "placeholder": jpeg(size=(2, 2)),
    "strip": jpeg(size=(402, 2)),
    "gray": jpeg("L"),
    "4:4:4": jpeg(subsampling=0),
    "4:2:2": jpeg(subsampling=1),
    "own tables": jpeg(optimize=True, quality=30),
    "restarts": jpeg(restart_marker_blocks=2),
    "comment and exif": jpeg(comment=b"\xff\xd9 no end", exif=Image.Exif().tobytes()),
    "trailing": jpeg() + b"\x00\xff\xd8 more",
    "turned": jpeg(exif=(lambda exif: (exif.__setitem__(0x112, 6), exif.tobytes())[1])(Image.Exif())),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_most_cameras_and_shops_write_is_plain_and_checks_as_it_decodes(name):
    assert plain_jpeg(PLAIN[name]) is not None
    assert verdict(check, PLAIN[name]) == verdict(decode, PLAIN[name])


@pytest.mark.parametrize(
    "data",
    [jpeg(progressive=True), jpeg("CMYK"), jpeg()[:-2], jpeg()[:300], jpeg()[:2], b"", b"\xff\xd8\xff"],
    ids=["progressive", "cmyk", "no end", "cut", "start alone", "nothing", "torn"],
)
def test_what_only_decoding_tells_is_not_plain(data):
    assert plain_jpeg(data) is None


def verdict(way, data):
    try:
        found = way(data)
    except UndecodableImage as error:
        return error.reason
    return getattr(found, "size", found)


damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=400)
@given(st.sampled_from([*PLAIN.values()]), damage, st.booleans(), st.floats(0.2, 1))
def test_whatever_is_damaged_the_check_says_what_decoding_says(data, damage, in_header, cut):
    found = bytearray(data)
    span = min(len(found), 640) if in_header else len(found)
    for place, byte in damage:
        found[int(place * span)] = byte
    damaged = bytes(found[: max(2, int(cut * len(found)))]) if cut < 0.5 else bytes(found)
    assert verdict(check, damaged) == verdict(decode, damaged)
