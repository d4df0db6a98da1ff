"""What a server, an address or a network can do to who fetches a picture, each with what its row should say."""

import gzip
import zlib
from dataclasses import dataclass

from tests.servers import pictures
from tests.servers.behaviors import (
    Behavior,
    bare,
    body,
    chain,
    chunked,
    closing,
    cut,
    dripping,
    endless,
    first,
    forever,
    head,
    in_pieces,
    later,
    latin_1,
    of_length,
    packed,
    picture,
    raw,
    redirect,
    reply,
    resetting,
    silent,
    status,
    to_and_fro,
    wherever,
    whole,
)


@dataclass(frozen=True)
class Kind:
    """One way to answer.

    Attributes:
        reason: what the picture's row should say.
        behavior: how the server answers; None where it is never asked.
        address: of `{host}`, `{port}`, `{tls}`, `{expired}`, `{other}`, `{dead}`, `{kind}` and `{n}`.
        slow: ends when the client loses its patience.
        heavy: sends as much as the client bears.
    """

    reason: str
    behavior: Behavior | None = None
    address: str = "http://{host}:{port}/{kind}/{n}.jpg"
    slow: bool = False
    heavy: bool = False


BOMB = gzip.compress(bytes(64 * 2**20), mtime=0)
TLS = "https://{host}:{tls}/{kind}/{n}.jpg"
PAGE = b"<!doctype html><html><body>Sorry, no picture here.</body></html>"

WHOLE = {
    "plain": Kind("ok", picture()),
    "without_type": Kind("ok", whole),
    "wrong_type": Kind("ok", lambda asked: reply(200, asked.picture, "Content-Type: text/html")),
    "cookies": Kind("ok", picture(*(f"Set-Cookie: c{n}={'x' * 50}; Path=/" for n in range(20)))),
    "small_letters": Kind(
        "ok", lambda asked: head(200, f"content-length: {len(asked.picture)}") + asked.picture
    ),
    "forty_headers": Kind("ok", picture(*(f"X-{n}: {'y' * 100}" for n in range(40)))),
    "tagged": Kind("ok", picture('ETag: "abc"', "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT")),
    "chunked": Kind("ok", chunked),
    "trailers": Kind("ok", lambda asked: chunked(asked).removesuffix(b"\r\n") + b"X-Sum: 1\r\n\r\n"),
    "until_closed": Kind("ok", closing(lambda asked: head(200) + asked.picture)),
    "http_1_0": Kind("ok", closing(lambda asked: b"HTTP/1.0 200 OK\r\n\r\n" + asked.picture)),
    "connection_close": Kind("ok", closing(picture("Connection: close"))),
    "no_phrase": Kind("ok", lambda asked: whole(asked).replace(b"200 x", b"200", 1)),
    "continue_first": Kind("ok", lambda asked: head(100) + whole(asked)),
    "early_hints": Kind("ok", lambda asked: head(103, "Link: </a.css>; rel=preload") + whole(asked)),
    "late": Kind("ok", later(0.2, whole)),
    "in_pieces": Kind("ok", in_pieces(whole)),
    "range_unasked": Kind("ok", picture(status=206)),
    "not_authoritative": Kind("ok", picture(status=203)),
    "packed_unasked": Kind("ok", packed),
    "deflated_unasked": Kind(
        "ok", lambda asked: reply(200, zlib.compress(asked.picture), "Content-Encoding: deflate")
    ),
    "png_16_bit": Kind("ok", body(pictures.deep_gray())),
    "cmyk": Kind("ok", body(pictures.encoded(mode="CMYK"))),
    "gif": Kind("ok", body(pictures.encoded("GIF", "P"))),
    "webp": Kind("ok", body(pictures.encoded("WEBP"))),
    "zip_behind": Kind("ok", lambda asked: reply(200, asked.picture + b"PK\x03\x04" + bytes(200))),
    "redirect_301": Kind("ok", redirect("/plain/{n}.jpg", 301)),
    "redirect_303": Kind("ok", redirect("http://{host}:{port}/plain/{n}.jpg", 303)),
    "redirect_307": Kind("ok", redirect("../plain/{n}.jpg", 307)),
    "redirect_308": Kind("ok", redirect("/plain/{n}.jpg#there", 308)),
    "redirect_five_times": Kind("ok", chain(5)),
    "redirect_latin_1": Kind("ok", latin_1),
    "escaped_address": Kind("ok", picture(), "http://{host}:{port}/{kind}/{n} ü%2F|[1].jpg?a=b c"),
    "odd_slashes": Kind("ok", picture(), " http://{host}:{port}\\{kind}\\{n}.jpg#top "),
}

FLAKY = {
    "once_503": Kind("ok", first(1, status(503))),
    "twice_500": Kind("ok", first(2, status(500))),
    "once_429": Kind("ok", first(1, status(429, "Retry-After: 1"))),
    "once_cut": Kind("ok", first(1, closing(cut))),
    "once_reset": Kind("ok", first(1, resetting(lambda asked: b""))),
    "once_hung_up": Kind("ok", first(1, closing(lambda asked: b""))),
    "once_no_http": Kind("ok", first(1, closing(raw(b"SSH-2.0-OpenSSH_9.6\r\n")))),
}

STATUSES = {
    **{
        f"status_{code}": Kind(f"http_{code}", status(code))
        for code in (400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 418, 422, 451)
    },
    **{
        f"status_{code}": Kind(f"http_{code}", status(code))
        for code in (408, 429, 500, 501, 502, 503, 504, 520, 599)
    },
    "status_304": Kind("http_304", bare(304)),
    "status_300": Kind("http_300", status(300)),
    "redirect_nowhere": Kind("http_302", status(302)),
    "retry_in_the_past": Kind("http_503", status(503, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")),
    "retry_soon": Kind("http_429", status(429, "Retry-After: soon")),
    "retry_before": Kind("http_503", status(503, "Retry-After: -5")),
    "retry_in_a_million_years": Kind("http_503", status(503, "Retry-After: 31536000000000")),
    "status_204": Kind("empty", bare(204)),
    "status_205": Kind("empty", lambda asked: reply(205, b"")),
}

REDIRECTS = {
    "redirect_to_itself": Kind("too_many_redirects", redirect("")),
    "redirect_to_and_fro": Kind("too_many_redirects", to_and_fro),
    "redirect_six_times": Kind("too_many_redirects", chain(6)),
    "redirect_for_ever": Kind("too_many_redirects", forever),
    "redirect_to": Kind("http_404", wherever, "http://{host}:{port}/{kind}/{n}.jpg?/no-such-page/{n}.jpg"),
    "redirect_to_404": Kind("http_404", redirect("/no-such-page/{n}.jpg")),
    "redirect_to_port_99999": Kind("bad_url", redirect("http://{host}:99999/a.jpg")),
    "redirect_to_port_0": Kind("bad_url", redirect("http://{host}:0/a.jpg")),
    "redirect_to_file": Kind("bad_url", redirect("file:///etc/passwd")),
    "redirect_to_ftp": Kind("bad_url", redirect("ftp://{host}/a.jpg")),
    "redirect_to_data": Kind("bad_url", redirect("data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=")),
    "redirect_to_script": Kind("bad_url", redirect("javascript:alert(1)")),
    "redirect_with_login": Kind("bad_url", redirect("http://me:secret@{host}/a.jpg")),
    "redirect_to_no_host": Kind("bad_url", redirect("http:///a.jpg")),
    "redirect_to_half_a_host": Kind("bad_url", redirect("http://[::1/a.jpg")),
    "redirect_to_five_numbers": Kind("bad_url", redirect("http://127.0.0.1.1/a.jpg")),
}

ADDRESSES = {
    "port_99999": Kind("bad_url", address="http://{host}:99999/{n}.jpg"),
    "port_0": Kind("bad_url", address="http://{host}:0/{n}.jpg"),
    "other_scheme": Kind("bad_url", address="gopher://{host}:{port}/{n}.jpg"),
    "login": Kind("bad_url", address="http://me:secret@{host}:{port}/{n}.jpg"),
    "no_host": Kind("bad_url", address="http:///{n}.jpg"),
    "line_break": Kind("bad_url", address="http://{host}:{port}/a\r\nX-Evil: 1/{n}.jpg"),
    "half_a_surrogate": Kind("bad_url", address="http://{host}:{port}/\ud800{n}.jpg"),
    "too_long": Kind("bad_url", address="http://{host}:{port}/{n}" + "a" * 9000),
    "zone": Kind("bad_url", address="http://[fe80::1%25lo]:{port}/{n}.jpg"),
}

BODIES = {
    "cut": Kind("truncated", closing(cut)),
    "cut_before_the_first_byte": Kind("truncated", closing(lambda asked: cut(asked, 0))),
    "cut_by_reset": Kind("truncated", resetting(cut)),
    "cut_in_a_chunk": Kind("truncated", closing(lambda asked: chunked(asked)[:300])),
    "cut_between_chunks": Kind("truncated", closing(lambda asked: chunked(asked).removesuffix(b"0\r\n\r\n"))),
    "length_too_long": Kind("truncated", closing(lambda asked: of_length(len(asked.picture) + 100)(asked))),
    "too_large": Kind("too_large", closing(of_length(10**12))),
    "too_large_untold": Kind(
        "too_large",
        endless(head(200, "Transfer-Encoding: chunked"), b"10000\r\n" + bytes(65536) + b"\r\n"),
        heavy=True,
    ),
    "too_large_until_closed": Kind("too_large", endless(head(200), bytes(65536)), heavy=True),
    "bomb": Kind("too_large", body(BOMB, "Content-Encoding: gzip")),
    "packed_badly": Kind("decode_error", body(b"\x1f\x8b" + bytes(100), "Content-Encoding: gzip")),
    "packed_and_cut": Kind(
        "truncated",
        lambda asked: reply(200, gzip.compress(asked.picture, mtime=0)[:-20], "Content-Encoding: gzip"),
    ),
    "packed_unknown": Kind(
        "decode_error", lambda asked: reply(200, asked.picture, "Content-Encoding: x-rot13")
    ),
    "nothing": Kind("empty", body(b"")),
    "nothing_until_closed": Kind("empty", closing(lambda asked: head(200))),
    "page": Kind("not_an_image", body(PAGE, "Content-Type: image/jpeg")),
    "json": Kind("not_an_image", body(b'{"error": "not found"}')),
    "svg": Kind(
        "not_an_image", body(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Content-Type: image/svg+xml")
    ),
    "pdf": Kind("not_an_image", body(b"%PDF-1.7\n" + bytes(300))),
    "zip": Kind("not_an_image", body(b"PK\x03\x04" + bytes(300))),
    "page_in_a_gif": Kind("too_large", body(b"GIF89a/*" + PAGE + b"*/=1;" + bytes(300))),
    "jpeg_cut_at_home": Kind("truncated", lambda asked: reply(200, asked.picture[:-300])),
    "png_cut_at_home": Kind("truncated", body(pictures.encoded("PNG")[:-40])),
    "png_damaged": Kind("decode_error", body(pictures.damaged_png())),
    "one_pixel": Kind("placeholder", body(pictures.encoded("GIF", "P", (1, 1)))),
    "transparent": Kind("placeholder", body(pictures.transparent())),
    "too_many_pixels": Kind("too_large", body(pictures.huge_png(100_000, 100_000))),
    "too_long_a_strip": Kind("too_large", body(pictures.huge_png(3, 3000))),
}

CONNECTIONS = {
    "hangs_up": Kind("connection", closing(lambda asked: b"")),
    "resets": Kind("connection", resetting(lambda asked: b"")),
    "cut_head": Kind("connection", closing(lambda asked: whole(asked)[:20])),
    "nobody_listens": Kind("connection", address="http://{host}:{dead}/{kind}/{n}.jpg"),
    "redirect_to_nobody": Kind("connection", redirect("http://{host}:{dead}/a.jpg")),
    "http_0_9": Kind("bad_response", closing(raw(PAGE))),
    "ssh": Kind("bad_response", closing(raw(b"SSH-2.0-OpenSSH_9.6\r\n"))),
    "bad_status_line": Kind("bad_response", closing(raw(b"HTTP/1.1 fine OK\r\n\r\n"))),
    "status_9999": Kind("bad_response", closing(raw(b"HTTP/1.1 9999 OK\r\nContent-Length: 0\r\n\r\n"))),
    "negative_length": Kind("bad_response", closing(of_length(-5))),
    "length_of_letters": Kind("bad_response", closing(of_length("many"))),
    "two_lengths": Kind(
        "bad_response",
        closing(lambda asked: reply(200, asked.picture, f"Content-Length: {len(asked.picture) + 1}")),
    ),
    "chunks_of_garbage": Kind(
        "bad_response",
        closing(lambda asked: head(200, "Transfer-Encoding: chunked") + b"zz\r\n" + asked.picture),
    ),
    "line_without_colon": Kind("bad_response", closing(raw(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"))),
    "nul_in_a_header": Kind("bad_response", closing(raw(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"))),
    "huge_header": Kind("bad_response", closing(raw(head(200, "X: " + "y" * 100_000)))),
    "flood_of_headers": Kind("bad_response", closing(raw(head(200, *(f"X-{n}: y" for n in range(20_000)))))),
    "endless_head": Kind("bad_response", endless(b"HTTP/1.1 200 OK\r\nX: ", bytes([121]) * 65536)),
    "redirect_too_long": Kind("bad_response", redirect("/" + "a" * 9000)),
    "tls_to_plain": Kind("tls", address="https://{host}:{port}/{kind}/{n}.jpg"),
    "plain_to_tls": Kind("connection", address="http://{host}:{tls}/{kind}/{n}.jpg"),
    "self_signed": Kind("tls", picture(), TLS),
    "expired": Kind("tls", picture(), "https://{host}:{expired}/{kind}/{n}.jpg"),
    "other_name": Kind("tls", picture(), "https://{host}:{other}/{kind}/{n}.jpg"),
}

PATIENCE = {
    "silent": Kind("timeout", silent(), slow=True),
    "silent_after_the_head": Kind("timeout", silent(lambda asked: cut(asked, 0)), slow=True),
    "silent_in_the_body": Kind("timeout", silent(cut), slow=True),
    "drips_its_head": Kind("timeout", dripping(whole), slow=True),
    "drips_its_body": Kind("timeout", dripping(whole, 0.05), slow=True),
}

KINDS: dict[str, Kind] = {
    **WHOLE, **FLAKY, **STATUSES, **REDIRECTS, **ADDRESSES, **BODIES, **CONNECTIONS, **PATIENCE,
}  # fmt: skip
"""All of them, by the name that is the first part of their path."""


def quick(kinds=KINDS):
    """Return the kinds that end by themselves and send little."""
    return {name: kind for name, kind in kinds.items() if not (kind.slow or kind.heavy)}
