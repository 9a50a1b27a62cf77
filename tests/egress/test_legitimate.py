"""What people write for a receiver of theirs is connected to, at the address that was looked up (spec 06, B10)."""

import pytest

from config.networks import Networks
from egress.destination import EgressRefused, Rules
from tests.egress.stubs import egress_of

PUBLIC = "93.184.215.14"
HOSTS = (
    "example.com", "EXAMPLE.com", "example.com.", "hooks.example.com", "a.b.c.d.e.example.com", "xn--bcher-kva.example",
    "bücher.example", "例え.テスト", "api-v2.example.co.uk", "example.museum", "x.example", "1.example",
    "123.example.com", "10.example.com", "127.0.0.1.example.com", "localhost.example.com", "internal.example.com",
    "local.example.org",
    "under_score.example.com", "my--host.example.com", "hooks.slack.example", "s3.eu-west-1.example.net",
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1",
    "198.17.255.255", "198.20.0.1", "203.0.112.255", "223.255.255.255",
    "[2606:4700:4700::1111]", "[2a00:1450:4001:81b::200e]", "[2620:fe::fe]", "[2001:4860:4860::8888]", "[2400:cb00::1]",
)  # fmt: skip
FORMS = (
    *(f"https://{host}/hook" for host in HOSTS),
    "https://example.com", "https://example.com/", "https://example.com?a=1", "https://example.com:443/hook",
    "https://example.com/a/b%20c/?d=e&f=%2F", "https://example.com/hook;v=1", "https://example.com/@me", "HTTPS://example.com/",
    "https://example.com/~user/hook.php?x=[1]&y={2}", "https://example.com//double", "https://example.com/a:b",
)  # fmt: skip


async def answering(host: str, port: int) -> list[str]:
    return [host if host.replace(".", "").isdigit() or ":" in host else PUBLIC]


def test_there_are_at_least_fifty_legitimate_forms() -> None:
    assert len(set(FORMS)) >= 50


@pytest.mark.parametrize("url", FORMS)
async def test_a_legitimate_form_is_connected_to(url: str) -> None:
    egress, sockets, _ = egress_of({})
    egress._resolve = answering
    await egress.check(url)
    answered = await egress.post(url, {}, b"{}")
    assert answered.status == 200
    assert [port for _, port in sockets.connected] == [443]


async def test_within_what_the_operator_allows_any_name_and_port_may_be_used() -> None:
    names = {"receiver": [["10.1.2.3"]], "receiver.internal": [["10.1.2.3"]], "other": [["10.2.0.1"]]}
    egress, sockets, _ = egress_of(names, Rules(networks=Networks("10.1.0.0/16, fd00::/8").networks, http=True))
    for url in ("http://receiver:8080/", "https://receiver.internal:8443/", "http://10.1.2.3/"):
        await egress.post(url, {}, b"{}")
    assert sockets.connected == [("10.1.2.3", 8080), ("10.1.2.3", 8443), ("10.1.2.3", 80)]
    with pytest.raises(EgressRefused):
        await egress.post("http://other:8080/", {}, b"{}")


async def test_unencrypted_requests_go_out_where_the_operator_allows_them() -> None:
    egress, sockets, _ = egress_of({"example.com": [[PUBLIC]]}, Rules(http=True))
    await egress.post("http://example.com/", {}, b"{}")
    assert sockets.connected == [(PUBLIC, 80)]


async def test_of_several_addresses_all_are_judged_and_one_is_connected_to() -> None:
    egress, sockets, _ = egress_of({"example.com": [[PUBLIC, "2606:4700::1"]]})
    await egress.post("https://example.com/", {}, b"{}")
    assert sockets.connected == [(PUBLIC, 443)]


async def test_where_names_cannot_be_looked_up_a_check_is_of_the_spelling_and_sending_judges() -> None:
    """As in the API's container, which reaches nobody outside: the worker is who sends."""
    names = {"inside.example.com": [["10.0.0.5"]]}
    checking, sockets, resolver = egress_of(names, Rules(lookup=False))
    await checking.check("https://inside.example.com/")
    for url in (
        "https://10.0.0.5/",
        "https://db/",
        "https://a.internal/",
        "https://example.com:8443/",
        "http://a.example/",
    ):
        with pytest.raises(EgressRefused):
            await checking.check(url)
    assert resolver.asked == []
    with pytest.raises(EgressRefused):
        await checking.post("https://inside.example.com/", {}, b"{}")
    assert sockets.connected == []
