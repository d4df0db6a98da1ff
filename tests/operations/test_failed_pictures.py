import json
from functools import partial

import pytest

from tests.servers.faults import faults
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
