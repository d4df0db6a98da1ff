import asyncio
import ipaddress
import socket
import threading
from collections import Counter

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from featurizer.catalog.images.addresses import (
    FORBIDDEN_HOST,
    LONGEST,
    ForbiddenHost,
    check_literal,
    is_public,
    parse,
    redirected,
)
from featurizer.catalog.images.reasons import reason_of
from featurizer.catalog.images.resolver import LIFE, CheckedResolver

METADATA = "169.254.169.254"

BAD_URLS = [
    "",
    "a.jpg",
    "//example.org/a.jpg",
    "/a.jpg",
    "http:",
    "http://",
    "http:///a.jpg",
    "http:a.jpg",
    "http://:80/a.jpg",
    "http://?a",
    "ftp://example.org/a.jpg",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "httpſ://example.org/a.jpg",
    "http://example.org:0/a.jpg",
    "http://example.org:65536/a.jpg",
    "http://example.org:99999/a.jpg",
    "http://example.org:-1/a.jpg",
    "http://example.org:８０/a.jpg",
    "http://example.org:80:80/a.jpg",
    "http://example.org:http/a.jpg",
    "http://user@example.org/a.jpg",
    "http://user:password@example.org/a.jpg",
    "http://@example.org/a.jpg",
    "http://127.0.0.1:80@example.org/a.jpg",
    "http://example.org/a\r\nHost: b/c.jpg",
    "http://exa\tmple.org/a.jpg",
    "http://example.org/\0.jpg",
    "http://example.org/\x7f.jpg",
    "http://example.org/\ud800.jpg",
    "http://example\udc80.org/a.jpg",
    "http://exa mple.org/a.jpg",
    "http://exa%6dple.org/a.jpg",
    "http://%31%32%37.0.0.1/a.jpg",
    "http://example..org/a.jpg",
    "http://.example.org/a.jpg",
    "http://./a.jpg",
    "http://example.org../a.jpg",
    f"http://{'a' * 64}.org/a.jpg",
    f"http://{'a.' * 130}org/a.jpg",
    "http://exa<mple.org/a.jpg",
    "http://exa／mple.org/a.jpg",
    "http://[::1/a.jpg",
    "http://::1/a.jpg",
    "http://[::1]x/a.jpg",
    "http://[fe80::1%25eth0]/a.jpg",
    "http://[fe80::1%eth0]/a.jpg",
    "http://[v1.x]/a.jpg",
    "http://[127.0.0.1]/a.jpg",
    "http://256.1.1.1/a.jpg",
    "http://1.2.3.4.5/a.jpg",
    "http://1.2.3.256/a.jpg",
    "http://4294967296/a.jpg",
    "http://0x100000000/a.jpg",
    "http://08.8.8.8/a.jpg",
    "http://example.1/a.jpg",
    f"http://example.org/{'a' * LONGEST}",
    f"http://example.org/{'ü' * 2000}",
]

# What each stands for beside; none is ever connected to.
FORBIDDEN = [
    "http://localhost/",
    "http://LOCALHOST./",
    "http://a.localhost/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://0X7F.0x0.0X0.0x1/",
    "http://0x7f.1/",
    "http://00000177.1/",
    "http://１２７.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://127｡1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x/",
    "http://10.0.0.1/",
    "http://10.1/",
    "http://167772161/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    f"http://{METADATA}/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://192.168.0.1/",
    "http://192.168.257/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]:80/",
    "http://[0000::0001]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::FFFF:7F00:1]/",
    f"http://[::ffff:{METADATA}]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[64:ff9b::127.0.0.1]/",
    f"http://[64:ff9b::{METADATA}]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[64:ff9b:1::8.8.8.8]/",
    "http://[2001:0:7f00:1::1]/",
    "http://[2606:4700::5efe:127.0.0.1]/",
    "http://[2606:4700::200:5efe:10.0.0.1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[4000::1]/",
    "http://\\127.0.0.1/",
    "http:\\\\127.0.0.1\\a.jpg",
    "http://127.0.0.1\\@example.org/a.jpg",
]

PUBLIC = {
    "http://8.8.8.8/": "http://8.8.8.8/",
    "http://134744072/": "http://8.8.8.8/",
    "http://0x08.010.2056/": "http://8.8.8.8/",
    "http://100.63.255.255/": "http://100.63.255.255/",
    "http://172.32.0.1/": "http://172.32.0.1/",
    "http://223.255.255.255/": "http://223.255.255.255/",
    "http://[2606:4700:4700:0::1111]:80/": "http://[2606:4700:4700::1111]/",
    "http://[::ffff:8.8.8.8]/": "http://[::ffff:808:808]/",
    "http://[2002:808:808::1]/": "http://[2002:808:808::1]/",
    "http://[64:ff9b::8.8.8.8]/": "http://[64:ff9b::808:808]/",
}


@pytest.mark.parametrize("address", BAD_URLS)
def test_what_is_no_address_is_none(address):
    assert parse(address) is None


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("  HTTP://Example.ORG:80/A.jpg#top \n", "http://example.org/A.jpg"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("http://example.org:/a", "http://example.org/a"),
        ("http://example.org?a=1", "http://example.org/?a=1"),
        ("http://example.org/?", "http://example.org/"),
        ("http://example.org./a", "http://example.org./a"),
        ("http://ex_ample-.org/a", "http://ex_ample-.org/a"),
        ("http://münchen.de/ü", "http://xn--mnchen-3ya.de/%C3%BC"),
        ("http://MÜNCHEN。de/", "http://xn--mnchen-3ya.de/"),
        ("http://example.org/a b.jpg?c d", "http://example.org/a%20b.jpg?c%20d"),
        ("http://example.org/a%2fb%20c?d=%2F+%2B", "http://example.org/a%2fb%20c?d=%2F+%2B"),
        ("http://example.org/100%.jpg?%zz", "http://example.org/100%25.jpg?%25zz"),
        ("http://example.org\\a\\b.jpg", "http://example.org/a/b.jpg"),
        ('http://example.org/"<a>"', "http://example.org/%22%3Ca%3E%22"),
        ("http://example.org/I/81x._AC_SL1500_.jpg", "http://example.org/I/81x._AC_SL1500_.jpg"),
    ],
)
def test_an_address_is_asked_for_as_a_browser_asks(address, asked):
    assert str(parse(address)) == asked
    assert parse(asked) == parse(address)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_number_of_ones_own_network_is_forbidden_in_whatever_notation(address):
    url = parse(address)
    if url is None:  # is not asked for either
        assert address == "http://\\127.0.0.1/"
        return
    assert check_literal(url) == FORBIDDEN_HOST
    assert check_literal(url, allow_private=True) is None


def test_sixty_forms_of_forbidden_addresses_are_tried():
    assert len(set(FORBIDDEN)) >= 60


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_number_is_written_out_and_allowed(address):
    url = parse(address)
    assert (str(url), check_literal(url)) == (PUBLIC[address], None)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "１２７.0.0.1"])
def test_a_number_is_seen_in_an_address_that_was_not_parsed_here(host):
    assert check_literal(URL(f"http://{host}/", encoded=True)) == FORBIDDEN_HOST


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("b.jpg", "http://example.org/a/b.jpg"),
        ("../b.jpg?c", "http://example.org/b.jpg?c"),
        ("//other.org/b", "http://other.org/b"),
        (" https://other.org/b ", "https://other.org/b"),
        ("", "http://example.org/a/a.jpg"),
        ("/\udcfc.jpg", "http://example.org/%FC.jpg"),
        ("/ü.jpg", "http://example.org/%C3%BC.jpg"),
        ("file:///etc/passwd", None),
        ("http://other.org:99999/", None),
        ("http://[::1/", None),
        ("http:///b.jpg", None),
        ("http:b.jpg", None),
        ("http://user:word@other.org/", None),
        ("data:image/png;base64,AAAA", None),
        ("ftp://other.org/a.jpg", None),
    ],
)
def test_a_redirect_leads_where_it_says_or_nowhere(location, leads_to):
    found = redirected(parse("http://example.org/a/a.jpg"), location)
    assert (found and str(found)) == leads_to


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_redirect_into_ones_own_network_is_forbidden(address):
    url = redirected(parse("https://example.org/a.jpg"), address)
    assert url is None or check_literal(url) == FORBIDDEN_HOST


TEXT = st.text(st.characters(), max_size=60)
NEAR = st.text(st.sampled_from("0123456789abcdefx.:/\\@[]%#?&-_ ü。１\ud800\n"), max_size=40)


@settings(max_examples=400, deadline=None)
@given(TEXT | NEAR)
@example("http://a/?^`{}|'\"<>\\")
def test_any_text_is_an_address_or_none_and_an_address_stays_what_it_is(text):
    for address in (text, f"http://{text}", f"https://example.org/{text}", f"http://[{text}]/"):
        url = parse(address)
        if url is None:
            continue
        assert url.scheme in ("http", "https")
        assert 0 < url.port < 65536
        assert url.user is None
        assert str(url).isascii()
        assert str(url).isprintable()
        again = parse(str(url))
        assert (again, str(again)) == (url, str(url))
        check_literal(url)
        redirected(url, text)


@settings(max_examples=400, deadline=None)
@given(st.ip_addresses())
def test_no_address_is_public_that_the_standard_library_knows_not_to_be(address):
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local:
        carried = address.version == 6 and (address.ipv4_mapped or int(address) >> 32 == 0x64FF9B << 64)
        assert carried or not is_public(address)


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(v=4))
def test_what_carries_an_ipv4_address_is_as_public_as_that(address):
    carriers = [f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"]
    carriers += [str(ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80))]
    for carrier in carriers:
        assert is_public(ipaddress.ip_address(carrier)) == is_public(address)


class StandIn(AbstractResolver):
    """A resolver that knows what it was told; counts what it is asked."""

    def __init__(self, *answers, wait=0.0):
        self.answers, self.asked, self.wait, self.closed = list(answers), Counter(), wait, False

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked[host] += 1
        await asyncio.sleep(self.wait)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [
            {"hostname": host, "host": one, "port": port, "family": family, "proto": 0, "flags": 0}
            for one in answer
        ]

    async def close(self):
        self.closed = True


class Connector(aiohttp.TCPConnector):
    """A connector that goes as far as an address and notes it; it opens nothing."""

    def __init__(self, resolver):
        super().__init__(resolver=resolver, use_dns_cache=False)
        self.reached = []

    async def _wrap_create_connection(self, *args, addr_infos, **options):
        self.reached.append(addr_infos[0][4][0])
        raise ConnectionRefusedError


def reach(addresses, answers, *, allow_private=False):
    """Ask for addresses as they are told, without the check of numbers: connections, lookups and reasons."""

    async def run():
        resolver = StandIn(*answers)
        connector = Connector(CheckedResolver(allow_private=allow_private, resolver=resolver))
        reasons = []
        async with aiohttp.ClientSession(connector=connector) as session:
            for address in addresses:
                url = parse(address)
                refused = "bad_url" if url is None else check_literal(url, allow_private=allow_private)
                if refused:
                    reasons.append(refused)
                    continue
                try:
                    await session.get(url, allow_redirects=False)
                except (ForbiddenHost, aiohttp.ClientError) as error:
                    reasons.append(reason_of(error)[0])
        return connector.reached, resolver.asked, reasons

    return asyncio.run(run())


def test_no_forbidden_address_is_resolved_or_connected_to():
    reached, asked, reasons = reach(FORBIDDEN, [["8.8.8.8"]])
    assert (reached, asked.total()) == ([], 0)
    assert set(reasons) == {"bad_url", "forbidden_host"}


def test_what_is_allowed_is_connected_to():
    reached, _, reasons = reach(["http://127.1/", "http://home.lan/"], [["192.168.0.7"]], allow_private=True)
    assert reached == ["127.0.0.1", "192.168.0.7"]
    assert reasons == ["connection"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        [METADATA],
        ["::1"],
        ["fe80::1%lo"],
        ["::ffff:10.0.0.1"],
        ["0.0.0.0"],
        ["nonsense"],
    ],
)
def test_a_name_that_leads_into_ones_own_network_is_not_connected_to(answer):
    reached, asked, reasons = reach(["http://sly.example/"], [answer])
    assert (reached, asked.total(), reasons) == ([], 1, ["forbidden_host"])


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once():
    reached, asked, _ = reach(
        ["http://rebinds.example/", "http://rebinds.example:81/"], [["8.8.8.8"], ["127.0.0.1"]]
    )
    assert (reached, asked.total()) == (["8.8.8.8"] * 2, 1)


def test_a_name_that_is_not_known_is_asked_for_once():
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    reached, asked, reasons = reach(["http://gone.example/a", "http://gone.example/b"], [gone])
    assert (reached, asked.total(), reasons) == ([], 1, ["dns"] * 2)


def resolve(resolver_of, work):
    async def run():
        resolver = resolver_of()
        try:
            return await work(resolver)
        finally:
            await resolver.close()

    return asyncio.run(run())


def test_many_at_once_ask_for_a_name_once():
    stand_in = StandIn(["8.8.8.8"], wait=0.01)

    async def work(resolver):
        answers = await asyncio.gather(*(resolver.resolve("a.example", port) for port in range(50)))
        return [(answer[0]["host"], answer[0]["port"]) for answer in answers]

    assert resolve(lambda: CheckedResolver(resolver=stand_in), work) == [
        ("8.8.8.8", port) for port in range(50)
    ]
    assert stand_in.asked == {"a.example": 1}
    assert stand_in.closed


def test_who_stops_waiting_for_a_name_takes_it_from_nobody():
    stand_in = StandIn(["8.8.8.8"], wait=0.05)

    async def work(resolver):
        hasty = asyncio.create_task(resolver.resolve("a.example"))
        patient = asyncio.create_task(resolver.resolve("a.example"))
        await asyncio.sleep(0.01)
        hasty.cancel()
        return await patient

    assert resolve(lambda: CheckedResolver(resolver=stand_in), work)[0]["host"] == "8.8.8.8"


def test_an_answer_is_asked_for_and_checked_again_when_its_life_is_over():
    now, stand_in = [0.0], StandIn(["8.8.8.8"], ["127.0.0.1"])

    async def work(resolver):
        await resolver.resolve("a.example")
        now[0] = LIFE - 1
        await resolver.resolve("a.example")
        now[0] = LIFE
        with pytest.raises(ForbiddenHost, match=r"a\.example leads to 127\.0\.0\.1, which is not public"):
            await resolver.resolve("a.example")

    resolve(lambda: CheckedResolver(resolver=stand_in, clock=lambda: now[0]), work)
    assert stand_in.asked == {"a.example": 2}


def test_a_name_that_could_not_be_asked_for_is_asked_for_again_at_the_next_try():
    busy = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    reached, asked, reasons = reach(
        ["http://a.example/", "http://a.example/", "http://a.example/"], [busy, busy, ["8.8.8.8"]]
    )
    assert (reached, asked.total(), reasons) == (["8.8.8.8"], 3, ["dns_busy", "dns_busy", "connection"])


def test_names_that_nobody_answers_for_hold_up_no_others(monkeypatch):
    released = threading.Event()

    def look_up(host, port, *_, **__):
        if host.startswith("dead"):
            assert released.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def work(resolver):
        dead = [asyncio.create_task(resolver.resolve(f"dead{number}.example")) for number in range(50)]
        await asyncio.sleep(0)
        try:
            return await resolver.resolve("alive.example")
        finally:
            released.set()
            await asyncio.gather(*dead)

    assert resolve(CheckedResolver, work)[0]["host"] == "8.8.8.8"


@pytest.mark.parametrize("answer", [[], UnicodeError("label too long")])
def test_a_name_without_an_address_is_a_failure_of_names(answer):
    async def work(resolver):
        with pytest.raises(socket.gaierror):
            await resolver.resolve("a.example")

    resolve(lambda: CheckedResolver(resolver=StandIn(answer)), work)


def test_the_names_of_this_machine_are_refused_by_what_they_lead_to():
    async def work(resolver):
        with pytest.raises(ForbiddenHost, match="not public"):
            await resolver.resolve("localhost")

    resolve(CheckedResolver, work)
