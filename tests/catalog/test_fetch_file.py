import errno
import hashlib
import os
import random
import subprocess
import sys

import fsspec
import pytest

from featurizer.catalog import fetch_file as module
from featurizer.catalog.fetch_file import FetchedFile, fetch_file
from featurizer.catalog.partial_file import PartialFile
from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import DownloadError, OutputError
from tests.servers import answer, drop_after, in_turn, ranged, redirect, refuse, serve, wait_then

BODY = random.Random(7).randbytes(300_000)
CHANGED = random.Random(8).randbytes(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = {
    "read_timeout": 0.3,
    "retry": RetryPolicy(attempts=3, wait_initial=0.01, wait_max=0.02, wait_jitter=0, retry_after_max=2),
}


@pytest.fixture(scope="module")
def site():
    with serve() as site:
        yield site


@pytest.fixture
def path(tmp_path):
    return tmp_path / "below" / "meta.json.gz"


def ranges(site, route):
    return [headers.get("Range") for headers in site.headers[route]]


def left_over(path):
    return sorted(entry.name for entry in path.parent.iterdir()) if path.parent.exists() else []


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(site, path):
    seen = []
    url = site.at("/whole", ranged(BODY, etag='"1"'))
    fetched = fetch_file(url, path, sha256=SHA256.upper(), size=len(BODY), progress=lambda *n: seen.append(n))
    assert fetched == FetchedFile(path, len(BODY), SHA256, fetched=True)
    assert path.read_bytes() == BODY
    assert left_over(path) == ["meta.json.gz", "meta.json.gz.json"]
    assert seen[-1] == (len(BODY), len(BODY))


def test_a_file_that_is_there_and_matches_is_not_asked_for(site, path):
    path.parent.mkdir()
    path.write_bytes(BODY)
    url = site.at("/there", ranged(BODY))
    for expected in ({}, {"sha256": SHA256}, {"size": len(BODY)}):
        assert fetch_file(url, path, **expected) == FetchedFile(path, len(BODY), SHA256, fetched=False)
    assert site.hits["/there"] == 0


@pytest.mark.parametrize("expected", [{"sha256": SHA256}, {"size": len(BODY)}])
def test_a_file_that_is_there_and_differs_is_replaced(site, path, expected):
    path.parent.mkdir()
    path.write_bytes(b"old")
    fetch_file(site.at("/replaced", ranged(BODY)), path, **expected)
    assert path.read_bytes() == BODY


def test_a_connection_that_breaks_twice_is_gone_on_with_from_the_last_byte(site, path):
    broken = ranged(BODY, etag='"1"', stop_after=100_000)
    url = site.at("/breaks", in_turn(broken, broken, ranged(BODY, etag='"1"')))
    assert fetch_file(url, path, **QUICK).sha256 == SHA256
    assert ranges(site, "/breaks") == [None, "bytes=100000-", "bytes=200000-"]
    assert site.headers["/breaks"][1]["If-Range"] == '"1"'


def test_a_server_that_breaks_more_often_than_the_attempts_still_gets_there_while_bytes_arrive(site, path):
    url = site.at("/crumbs", ranged(BODY, etag='"1"', stop_after=30_000))
    assert fetch_file(url, path, **QUICK).sha256 == SHA256
    assert site.hits["/crumbs"] == 10


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(site, path):
    site.at("/later", in_turn(ranged(BODY, etag='"1"', stop_after=70_000), refuse()))
    with pytest.raises(DownloadError, match=r"after 70,000 bytes.*without progress.*is kept"):
        fetch_file(f"{site.base}/later", path, **QUICK)
    assert left_over(path) == ["meta.json.gz.partial", "meta.json.gz.partial.json"]
    site.at("/later", ranged(BODY, etag='"1"'))
    assert fetch_file(f"{site.base}/later", path, **QUICK).sha256 == SHA256
    assert ranges(site, "/later")[-1] == "bytes=70000-"


def test_a_file_that_changes_between_two_tries_begins_anew(site, path):
    url = site.at(
        "/changes", in_turn(ranged(CHANGED, etag='"old"', stop_after=100_000), ranged(BODY, etag='"new"'))
    )
    assert fetch_file(url, path, **QUICK).sha256 == SHA256


def test_a_server_that_ignores_ranges_begins_anew(site, path):
    tag = {"ETag": '"1"'}
    url = site.at("/no-ranges", in_turn(drop_after(BODY, 50_000, **tag), answer(BODY, **tag)))
    assert fetch_file(url, path, **QUICK).sha256 == SHA256
    assert ranges(site, "/no-ranges") == [None, "bytes=50000-"]


def test_a_server_that_ignores_ranges_and_always_breaks_is_given_up_on(site, path):
    url = site.at("/hopeless", drop_after(BODY, 50_000, ETag='"1"'))
    with pytest.raises(DownloadError, match="broke off after 50,000 bytes"):
        fetch_file(url, path, **QUICK)


def test_a_server_that_names_no_version_is_never_asked_for_a_rest(site, path):
    url = site.at("/nameless", in_turn(drop_after(CHANGED, 50_000), answer(BODY)))
    assert fetch_file(url, path, **QUICK).sha256 == SHA256
    assert ranges(site, "/nameless") == [None, None]


def test_a_weak_etag_gives_way_to_the_date_of_the_last_change(site, path):
    date = "Sat, 01 Aug 2026 12:00:00 GMT"
    weak = drop_after(BODY, 50_000, ETag='W/"1"', Last_Modified=date)
    fetch_file(site.at("/weak", in_turn(weak, answer(BODY))), path, **QUICK)
    assert site.headers["/weak"][1]["If-Range"] == date


def test_another_range_than_the_one_asked_for_is_not_appended(site, path):
    wrong = answer(BODY[10:], status=206, Content_Range=f"bytes 10-{len(BODY) - 1}/{len(BODY)}", ETag='"1"')
    good = ranged(BODY, etag='"1"')
    url = site.at("/wrong-range", in_turn(ranged(BODY, etag='"1"', stop_after=50_000), wrong, good))
    assert fetch_file(url, path, **QUICK).sha256 == SHA256


def interrupted(path, url, body, version='"1"'):
    """Leave on disk what a run leaves that was killed."""
    with PartialFile(path).restart(url, version) as file:
        file.write(body)


def test_a_run_killed_after_the_last_byte_asks_for_nothing_more(site, path):
    url = site.at("/killed", ranged(BODY, etag='"1"'))
    interrupted(path, url, BODY)
    assert fetch_file(url, path, sha256=SHA256).fetched
    assert ranges(site, "/killed") == [f"bytes={len(BODY)}-"]


def test_a_file_that_became_shorter_begins_anew(site, path):
    url = site.at("/shrunk", ranged(BODY, etag='"1"'))
    interrupted(path, url, BODY + b"more")
    assert fetch_file(url, path, **QUICK).sha256 == SHA256


@pytest.mark.parametrize("note", ["{", "[]", '{"url": "elsewhere", "version": "1"}', '{"version": 3}', None])
def test_bytes_without_a_note_that_fits_are_not_gone_on_with(site, path, note):
    url = site.at("/note", ranged(BODY, etag='"1"'))
    interrupted(path, url, CHANGED[:1000])
    PartialFile(path).note.unlink() if note is None else PartialFile(path).note.write_text(note)
    assert fetch_file(url, path).sha256 == SHA256


def test_a_busy_server_is_waited_for(site, path):
    busy = in_turn(answer(b"", status=503, Retry_After=1), answer(b"", status=429), answer(BODY))
    assert fetch_file(site.at("/busy", busy), path, **QUICK).sha256 == SHA256


def test_a_silent_server_is_given_up_on_in_time(site, path):
    url = site.at("/asleep", wait_then(0.6, answer(BODY)))
    with pytest.raises(DownloadError, match=r"ReadTimeout.*tried 3 times"):
        fetch_file(url, path, **QUICK)


def test_a_missing_file_is_refused_at_once_with_the_address_and_the_way_out(site, path):
    with pytest.raises(DownloadError, match=r"/gone answered HTTP 404 Not Found.*meta\.json\.gz"):
        fetch_file(f"{site.base}/gone", path)
    assert site.hits["/gone"] == 1


def test_a_redirect_loop_leads_nowhere(site, path):
    with pytest.raises(DownloadError, match="leads nowhere"):
        fetch_file(site.at("/loop", redirect("/loop")), path)


def test_a_wrong_hash_names_both_and_removes_the_file(site, path):
    with pytest.raises(DownloadError, match=f"has sha256 {SHA256}, expected {'0' * 64}"):
        fetch_file(site.at("/hash", answer(BODY)), path, sha256="0" * 64)
    assert left_over(path) == []


def test_a_size_the_server_announces_wrongly_is_refused_before_the_first_byte(site, path):
    with pytest.raises(DownloadError, match="offers 300,000 bytes, expected 5"):
        fetch_file(site.at("/size", answer(BODY)), path, size=5)
    assert not path.parent.exists()


def test_a_size_that_shows_only_at_the_end_names_both_and_removes_the_file(site, path):
    def chunked(request):
        request.head(200, Transfer_Encoding="chunked")
        request.wfile.write(b"3\r\nabc\r\n0\r\n\r\n")

    with pytest.raises(DownloadError, match="has 3 bytes, expected 5"):
        fetch_file(site.at("/chunked", chunked), path, size=5)
    assert left_over(path) == []


def test_a_gzip_file_marked_as_an_encoding_is_stored_as_it_is(site, path):
    url = site.at("/marked", answer(BODY, Content_Encoding="gzip"))
    assert fetch_file(url, path).sha256 == SHA256


class FullDisk:
    """A file on a disk that is full after `room` bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)


def test_a_full_disk_says_so_and_keeps_what_arrived(site, path, monkeypatch):
    restart = PartialFile.restart
    monkeypatch.setattr(PartialFile, "restart", lambda *asked: FullDisk(restart(*asked), 200_000))
    url = site.at("/full", ranged(BODY, etag='"1"'))
    with pytest.raises(OutputError, match="the disk is full"):
        fetch_file(url, path)
    monkeypatch.undo()
    assert fetch_file(url, path).sha256 == SHA256
    assert ranges(site, "/full")[-1].startswith("bytes=")


def test_a_folder_that_cannot_be_made_is_an_output_error(site, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not write"):
        fetch_file(site.at("/folder", answer(BODY)), tmp_path / "file" / "meta.json.gz")


@pytest.mark.parametrize("scheme", ["file", "memory", "path"])
def test_other_schemes_are_read_through_fsspec(scheme, path, tmp_path):
    if scheme == "memory":
        url = "memory://featurizer/source.bin"
        with fsspec.open(url, "wb") as file:
            file.write(BODY)
    else:
        (tmp_path / "source.bin").write_bytes(BODY)
        url = (tmp_path / "source.bin").as_uri() if scheme == "file" else str(tmp_path / "source.bin")
    assert fetch_file(url, path, sha256=SHA256, size=len(BODY)).fetched
    assert left_over(path) == ["meta.json.gz", "meta.json.gz.json"]


def test_a_copy_through_fsspec_goes_on_while_the_source_is_the_same(path, tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(BODY)
    system, name = fsspec.url_to_fs(str(source))
    interrupted(path, str(source), BODY[:1000], system.ukey(name))
    seen = []
    assert fetch_file(str(source), path, progress=lambda *n: seen.append(n)).sha256 == SHA256
    interrupted(path, str(source), CHANGED[:1000], "an older version")
    path.unlink()
    assert fetch_file(str(source), path).sha256 == SHA256


def test_a_source_that_fails_while_it_is_read_is_a_download_error(path, tmp_path, monkeypatch):
    class Failing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def seek(self, _):
            pass

        def read(self, _):
            raise OSError("connection reset")

    monkeypatch.setattr(module, "_open_source", lambda url: (Failing(), "1", None))
    with pytest.raises(DownloadError, match=r"broke off: connection reset.*is kept"):
        fetch_file("s3://bucket/key", path)


def test_a_scheme_whose_package_is_missing_names_the_package(path):
    fsspec.register_implementation("tape", "tapefs.Tape", errtxt="Please install tapefs", clobber=True)
    with pytest.raises(DownloadError, match=r"not installed: Please install tapefs"):
        fetch_file("tape://reel/key", path)


@pytest.mark.parametrize("url", ["nosuch://a/b", "/no/such/file", "file:///no/such/file"])
def test_an_address_that_cannot_be_opened_says_what_was_expected(url, path):
    with pytest.raises(DownloadError, match=r"cannot be opened.*Expected an existing file"):
        fetch_file(url, path)


def test_a_file_of_another_address_or_changed_on_disk_is_fetched_anew_and_none_is_hashed_twice(
    site, path, monkeypatch
):
    one, two = site.at("/one/x", answer(BODY)), site.at("/two/x", answer(CHANGED))
    assert fetch_file(one, path).fetched
    assert fetch_file(two, path).sha256 == hashlib.sha256(CHANGED).hexdigest()
    path.write_bytes(BODY[:10])
    assert fetch_file(two, path).fetched
    monkeypatch.setattr(module, "file_sha256", None)
    assert not fetch_file(two, path).fetched


def test_a_server_that_cannot_be_reached_is_not_said_to_have_sent_anything(path):
    with pytest.raises(DownloadError, match=r"cannot connect to .*nothing has arrived") as raised:
        fetch_file("http://127.0.0.1:9/x", path, **QUICK)
    assert "is kept" not in str(raised.value)


def test_two_processes_that_want_one_file_fetch_it_once(site, path):
    url = site.at("/both", wait_then(0.5, ranged(BODY)))
    script = (
        "import sys; from pathlib import Path; from featurizer.catalog.fetch_file import fetch_file; "
        "print(fetch_file(sys.argv[1], Path(sys.argv[2])).sha256)"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", script, url, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [child.communicate()[0].strip() for child in children] == [SHA256, SHA256]
    assert site.hits["/both"] == 1
    assert left_over(path) == ["meta.json.gz", "meta.json.gz.json"]
