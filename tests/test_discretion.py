"""What is left of an address before it is stored, shown or logged."""

import io
import logging
import sys
from pathlib import Path

import pytest

from featurizer.catalog.fetch_file import fetch_file
from featurizer.cli.discreet import discreet, guard, short
from featurizer.discretion import public, public_address, throughout, without_login, without_token
from featurizer.errors import DownloadError, InputError
from tests.servers import answer, serve


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://ann:pass@shop.example/a.jpg?u=b@c", "https://shop.example/a.jpg?u=b@c"),
        ("see https://ann:p@ss@shop.example/, or s3://key:secret@bucket/a", "see https://shop.example/, or s3://bucket/a"),
        ("https:/ann:pass@shop.example/a", "https:/shop.example/a"),
        ("https://x/a?X-Amz-Signature=ab&b=1&access_token=cd#e", "https://x/a?X-Amz-Signature=&b=1&access_token=#e"),
        ("https://x/@ann/a?key=1", "https://x/@ann/a?key=1"),
        ("ann:pass@shop, 3 of 4: a/b@c", "ann:pass@shop, 3 of 4: a/b@c"),
        ('{"a": "https://ann:pass@x/", "b": "c@d"}', '{"a": "https://x/", "b": "c@d"}'),
    ],
)  # fmt: skip
def test_logins_and_keys_are_taken_out_of_addresses_and_nothing_else(text, left):
    assert without_login(text) == left
    assert without_login(left) == left
    assert str(InputError(text)) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("file:///home/ann/a%20b.png", "a%20b.png"),
        ("from file:/srv/x.csv and FILE:///y/z.csv", "from x.csv and z.csv"),
        ("file:C:/home/ann/a.png", "a.png"),
        ("profile: good, file: here", "profile: good, file: here"),
        ("Nail File:100/180 Grit, pack of 10", "Nail File:100/180 Grit, pack of 10"),
        ("https://ann@x/a", "https://x/a"),
    ],
)
def test_of_a_file_on_this_machine_the_name_is_left(text, left):
    assert public(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (" https://ann:pass@x/a?sig=12\n", " https://x/a?sig=\n"),
        ("file:///home/ann/a.png", "a.png"),
        ("see https://ann@x/a?sig=12", "see https://ann@x/a?sig=12"),
        ("https://ann@x/ of 1998", "https://ann@x/ of 1998"),
    ],
)
def test_a_text_that_is_no_address_stays_whatever_stands_in_it(text, left):
    assert public_address(text) == left


def test_every_text_in_a_document_is_changed_and_nothing_else():
    told = {"https://a@b": ["https://a@b", 1, None, {"x": ("https://a@b", True)}]}
    assert throughout(told, public) == {"https://a@b": ["https://b", 1, None, {"x": ["https://b", True]}]}


def test_no_token_is_left_whatever_it_looks_like():
    assert without_token("hf_abcdefgh, mine, Bearer xyz", "mine") == "<token>, <token>, Bearer <token>"
    assert discreet("https://a:b@c with hf_abcdefgh") == "https://c with <token>"


def test_libraries_words_name_folders_from_here_or_from_home(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert short(f"from {tmp_path}/shop/models and {tmp_path}/else") == "from ./models and ~/else"


def test_a_log_line_and_a_traceback_give_nothing_away(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogRecordFactory()
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    logger = logging.getLogger("some.library")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    try:
        guard()
        logger.error("GET %s", "https://ann:hunter2@x/")
        try:
            raise ValueError("https://ann:hunter2@x/")
        except ValueError:
            logger.exception("broken: %s", "hf_abcdefgh")
            sys.excepthook(*sys.exc_info())
    finally:
        logging.setLogRecordFactory(before)
    said = told.getvalue() + capsys.readouterr().err
    assert said.count("https://x/") == 5  # the source line of each traceback too
    assert said.count("Traceback") == 2
    assert "hunter2" not in said
    assert "hf_" not in said


def test_a_file_fetched_with_a_login_leaves_no_trace_of_it(tmp_path):
    with serve() as site:
        address = site.at("/a.csv", answer(b"x")).replace("://", "://ann:hunter2@")
        fetched = fetch_file(address, tmp_path / "a.csv")
        assert fetched.fetched
        assert not fetch_file(address, tmp_path / "a.csv").fetched
        assert site.headers["/a.csv"][0]["Authorization"].startswith("Basic ")
        with pytest.raises(DownloadError) as refused:
            fetch_file(address.replace("a.csv", "none.csv"), tmp_path / "b.csv")
    assert "hunter2" not in str(refused.value)
    assert not any(b"hunter2" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
