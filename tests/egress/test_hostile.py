"""Nothing is connected to that is not on the public network, however it is spelled (spec 06, T32 and B10).

The socket step is stubbed: no packet leaves. The control at the end lets the same spellings through a list of prefixes,
and most of them arrive.
"""

import pytest

from config.settings import Settings
from egress.client import Egress
from egress.destination import Destination, EgressRefused, Rules, rules_of
from tests.egress.stubs import Names, Sockets, egress_of

NAMES: dict[str, list[list[str]]] = {
    "loop.example.com": [["127.0.0.1"]],
    "loop6.example.com": [["::1"]],
    "ten.example.com": [["10.0.0.5"]],
    "mapped.example.com": [["::ffff:10.0.0.5"]],
    "mixed.example.com": [["93.184.215.14", "10.0.0.5"]],
    "mixed6.example.com": [["93.184.215.14", "fe80::1"]],
    "meta.example.com": [["169.254.169.254"]],
    "nat.example.com": [["64:ff9b::a9fe:a9fe"]],
    "localhost": [["127.0.0.1"]],
    "db": [["93.184.215.14"]],
    "printer.local": [["93.184.215.14"]],
    "metadata.google.internal": [["93.184.215.14"]],
    "loopctl.example.com": [["93.184.215.14"]],
    "gone.example.com": [[]],
    "public.example.com": [["93.184.215.14"]],
}
HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1",
    "017700000001", "0177.0.0.1", "0177.1", "0", "0.0.0.0", "00.00.00.00", "127.0.0.1.", "10.0.0.1", "10.1",  # noqa: S104  # nothing is bound
    "0x0a000001", "167772161", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "169.254.43518", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "192.168.1", "3232235521", "198.18.0.1", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]",
    "[fc00::1]", "[fd12:3456::1]", "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[100::1]",
    "localhost", "LOCALHOST", "localhost.", "①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
    "db", "printer.local",
    "metadata.google.internal", "loop.example.com", "LOOP.example.com.", "loop6.example.com",
    "ten.example.com", "mapped.example.com", "mixed.example.com", "mixed6.example.com", "meta.example.com",
    "nat.example.com", "loopctl.example.com", "gone.example.com", "127.0.0.1%2f.example.com",
    "%31%32%37.0.0.1", "ex ample.com", "", "a..b.example.com", "-",
)  # fmt: skip
WHOLE = (
    "http://public.example.com/", "ftp://public.example.com/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x", "//public.example.com/", "https:public.example.com",
    "https:/public.example.com/", "https:///public.example.com/", "https://user:word@public.example.com/",
    "https://public.example.com@127.0.0.1/", "https://127.0.0.1#@public.example.com/",
    "https://127.0.0.1\\@public.example.com/", "https://public.example.com\\.127.0.0.1/",
    "https://public.example.com/#a", "https://public.example.com:25/", "https://public.example.com:22/",
    "https://public.example.com:6379/", "https://public.example.com:80/", "https://public.example.com:0/",
    "https://public.example.com:99999/", "https://public.example.com:/", "https://public.example.com:4 43/",
    "https://public.example.com/\r\nX-Evil: 1", "https://public.example.com/\n",
    "\thttps://public.example.com/", "https://public.example.com/\u0000", "",
    "https://public.example.com,127.0.0.1/", "https://[::1/", "https://[v1.a]/",
    "https://public.example.com/" + "a" * 255, "https://public.example.com/ä", "unix:///tmp/socket",
    "data:text/plain,a", "javascript:alert(1)",
)  # fmt: skip
HOSTILE = (*(f"https://{host}/hook" for host in HOSTS), *WHOLE)
OWN = Rules(own_host="loopctl.example.com", own_port=443)


def test_there_are_at_least_sixty_hostile_spellings() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_spelling_is_refused_when_it_is_checked_and_when_it_is_sent_to(url: str) -> None:
    """Goes red for most of them with the control below in place of our own table."""
    egress, sockets, _ = egress_of(NAMES, OWN)
    with pytest.raises(EgressRefused):
        await egress.check(url)
    with pytest.raises(EgressRefused):
        await egress.post(url, {}, b"{}")
    assert sockets.connected == []


@pytest.mark.parametrize(
    "written", ["https://bücher.example/loopctl", "https://BÜCHER.example", "https://xn--bcher-kva.example"]
)
@pytest.mark.parametrize(
    "url", ["https://bücher.example/", "https://xn--bcher-kva.example/", "https://Bücher.example./"]
)
async def test_the_service_itself_is_known_by_each_spelling_of_its_name(written: str, url: str) -> None:
    """Went red while the name in public_url was compared as it was written."""
    egress, sockets, _ = egress_of(
        {"xn--bcher-kva.example": [["93.184.215.14"]]}, rules_of(Settings(public_url=written))
    )
    with pytest.raises(EgressRefused, match="must not be this service itself"):
        await egress.check(url)
    assert sockets.connected == []


async def test_a_name_that_is_another_address_at_the_second_look_up_is_connected_to_as_it_was_judged() -> None:
    egress, sockets, names = egress_of({"turns.example.com": [["93.184.215.14"], ["127.0.0.1"]]})
    await egress.post("https://turns.example.com/", {}, b"{}")
    assert (sockets.connected, names.asked) == ([("93.184.215.14", 443)], ["turns.example.com"])
    with pytest.raises(EgressRefused):
        await egress.post("https://turns.example.com/", {}, b"{}")
    assert sockets.connected == [("93.184.215.14", 443)]


async def test_a_name_that_was_good_when_it_was_checked_is_judged_again_when_it_is_sent_to() -> None:
    egress, sockets, _ = egress_of({"turns.example.com": [["93.184.215.14"], ["169.254.169.254"]]})
    await egress.check("https://turns.example.com/")
    with pytest.raises(EgressRefused):
        await egress.post("https://turns.example.com/", {}, b"{}")
    assert sockets.connected == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://127.0.0.1/", "https://meta.example.com/", "https://public.example.com/again"])
async def test_a_redirect_is_an_answer_and_leads_nowhere(status: int, to: str) -> None:
    sockets = Sockets(f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
    answered = await Egress(Rules(), Names(NAMES), sockets).post("https://public.example.com/", {}, b"{}")
    assert (answered.status, sockets.connected) == (status, [("93.184.215.14", 443)])


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    egress, sockets, _ = egress_of(NAMES)
    await egress.post("https://public.example.com/", {}, b"{}")
    assert sockets.connected == [("93.184.215.14", 443)]


PREFIXES = ("10.", *(f"172.{number}." for number in range(16, 32)), "192.168.", "169.254.", "127.")


async def test_a_list_of_prefixes_lets_most_of_them_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the rule that looks at how a host is written and at nothing else."""
    reached = 0

    def judged_by_prefix(_: Rules, destination: Destination, addresses: list[str]) -> tuple[str, ...]:
        if destination.host in ("localhost", "::1") or destination.host.startswith(PREFIXES):
            raise EgressRefused("must not be private")
        return tuple(addresses) or (destination.host,)

    def parsed_leniently(_: Rules, url: str, __: int) -> Destination:
        return Destination("https", url.removeprefix("https://").removesuffix("/hook").strip("[]"), 443, "/hook")

    monkeypatch.setattr("egress.client.check_addresses", judged_by_prefix)
    monkeypatch.setattr("egress.client.parse_destination", parsed_leniently)
    for host in HOSTS:
        egress, sockets, _ = egress_of(NAMES)
        try:
            await egress.post(f"https://{host}/hook", {}, b"{}")
        except Exception:  # noqa: BLE001, S112  # what such a client stumbles over does not count
            continue
        reached += len(sockets.connected)
    assert reached > 40
