import json
from functools import partial

import pytest

import featurizer as fz
from featurizer.features.extract import ExtractOptions, extract
from tests.servers.faults import faults
from tests.support.color import encoders
from tests.support.program import run_program


@pytest.fixture
def run(monkeypatch, capsys):
    return partial(run_program, monkeypatch, capsys)


def table(folder, site):
    kinds = ["plain"] * 4 + ["status_404"] * 8 + ["page", "bad_url_none"]
    addresses = [site.address(kind, n, host=n % 2) for n, kind in enumerate(kinds[:-1])]
    addresses.append(site.address("port_99999", 1))
    path = folder / "items.csv"
    path.write_text("id,image\n" + "".join(f"i{n},{url}\n" for n, url in enumerate(addresses)))
    return path


def test_a_low_success_rate_is_explained_with_reason_hosts_addresses_and_what_to_do(tmp_path, run):
    with faults(hosts=2) as site:
        code, out, err = run(
            "ingest", table(tmp_path, site), "--out", tmp_path / "c", "--allow-private-hosts"
        )
        port = site.ports["port"]
    assert code == 3
    assert "10 of 14 pictures failed, 8 of them as http_404: the host answered with this status" in out
    assert "what to do: correct the address" in out
    assert f"where: 127.0.0.1:{port} (5 of 7), 127.0.0.2:{port} (4 of 6)" in out
    assert "i12: not_an_image http://127.0.0.1" in out
    assert "i13: bad_url http://127.0.0.1:99999/1.jpg" in out
    assert "10 of 14 pictures failed, more than the 7 allowed" in err


def test_json_says_what_failed(tmp_path, run):
    with faults(hosts=2) as site:
        words = ("ingest", table(tmp_path, site), "--out", tmp_path / "c", "--allow-private-hosts", "--json")
        _, out, _ = run(*words)
    failures = json.loads(out)["failures"]
    assert (failures["wanted"], failures["failed"]) == (14, 10)
    assert failures["reasons"] == {"http_404": 8, "bad_url": 1, "not_an_image": 1}
    assert failures["hosts"][0]["failed"] == 5
    statuses = [example["status"] for example in failures["examples"]]
    assert (statuses[0], {*statuses[:3]}) == ("http_404", {"http_404", "bad_url", "not_an_image"})


def test_hosts_of_this_machine_are_refused_unless_they_are_allowed_and_then_arrive_on_retry(tmp_path, run):
    with faults() as site:
        path = tmp_path / "items.csv"
        path.write_text(f"id,image\na,{site.address('plain', 1)}\n")
        words = ("ingest", path, "--out", tmp_path / "c")
        code, out, _ = run(*words)
        assert code == 3
        assert "--allow-private-hosts" in out
        assert run(*words, "--retry-failed", "--allow-private-hosts")[0] == 0
        assert site.counts().requests == 1
        assert run(*words)[0] == 0
        assert site.counts().requests == 1


def test_every_failing_item_is_listed_by_its_reason(tmp_path, run):
    (tmp_path / "items.csv").write_text("id,image\n1,a.png\n2,/etc/passwd\n3,b.png|c.png\n4,-\n")
    assert run("ingest", tmp_path / "items.csv", "--out", tmp_path / "c")[0] == 3
    code, said, _ = run("inspect", tmp_path / "c", "--failures")
    assert code == 0
    assert said.endswith(
        "\nmissing_file: 3 pictures\n  1  a.png\n  3  b.png\n  3  c.png\n"
        "\nforbidden_path: 1 picture\n  2  forbidden:passwd\n"
    )
    told = json.loads(run("inspect", tmp_path / "c", "--failures", "--json")[1])["failing"]
    assert [*told] == ["missing_file", "forbidden_path"]
    assert told["missing_file"][0] == {"item_id": "1", "url": "a.png"}
    assert "failing" not in json.loads(run("inspect", tmp_path / "c", "--json")[1])


def test_a_catalog_without_failures_says_so(tmp_path, run):
    (tmp_path / "items.csv").write_text("id,title\n1,Cup\n")
    assert run("ingest", tmp_path / "items.csv", "--out", tmp_path / "c")[0] == 0
    assert run("inspect", tmp_path / "c", "--failures")[1].endswith("\nnothing failed\n")


def test_every_item_that_could_not_be_encoded_is_listed_by_its_reason(tmp_path, run):
    (tmp_path / "items.csv").write_text("id,title,image\n1,Cup,a.png\n2,Pot,b.png\n3,Pan,\n")
    made = fz.ingest(tmp_path / "items.csv", out=tmp_path / "c")
    extract(made, encoders(), tmp_path / "f", ExtractOptions(threads=1))
    code, said, _ = run("inspect", tmp_path / "f", "--failures")
    assert code == 0
    assert said.endswith("\nimage: missing_file: 2 items\n  1\n  2\n")
    told = json.loads(run("inspect", tmp_path / "f", "--failures", "--json")[1])["failing"]
    assert told == {"image: missing_file": [{"item_id": "1"}, {"item_id": "2"}]}
