"""Small pictures, whole and damaged in every way; the same bytes on every run."""

import io
import struct
import zlib
from functools import cache

from PIL import Image


@cache
def encoded(kind="JPEG", mode="RGB", size=(40, 30), **options):
    """Encode a gradient."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def numbered(number):
    """Return a JPEG of its own for a number: the number stands in a comment."""
    jpeg, comment = encoded(), str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


@cache
def deep_gray():
    image = Image.new("I;16", (40, 30), 30_000)
    image.putpixel((0, 0), 60_000)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def transparent():
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def huge_png(width, height):
    """Return a PNG whose header promises so many pixels and which holds none."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    empty = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + empty + chunk(b"IEND", b"")


@cache
def damaged_png():
    png = bytearray(encoded("PNG"))
    place = png.index(b"IDAT") + 8
    png[place : place + 8] = b"\xff" * 8
    return bytes(png)
