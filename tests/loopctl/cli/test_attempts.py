"""What is asked again, and with which idempotency key. Against a server that fails as it is told."""

import pytest

from loopctl.client import Client, Refused, Unreachable
from loopctl.conversation import ATTEMPTS, LONGEST_PAUSE_SECONDS
from tests.loopctl.cli.stub import Answer, error, stub

GOOD = Answer(200, {"ok": True})
CUT = Answer(0)


class Waits:
    """Instead of sleeping: how long it would have been, and what the clock says then."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def clock(self) -> float:
        return sum(self.seconds)


@pytest.mark.parametrize("passing", [CUT, error(503, "overloaded"), error(429, "rate_limited"), error(502, "bad")])
def test_a_write_is_sent_again_with_the_same_key(passing: Answer) -> None:
    with stub(passing, passing, GOOD) as server:
        assert Client(server.address, "key", sleep=Waits()).post("stories", {"a": 1}) == {"ok": True}
    keys = [asked.key for asked in server.asked]
    assert len(keys) == 3
    assert keys[0]
    assert len(set(keys)) == 1


def test_two_writes_have_two_keys() -> None:
    """The control of the one above: a key that never changes would be found here."""
    with stub(GOOD) as server:
        client = Client(server.address, "key")
        client.post("stories")
        client.post("stories")
    assert len({asked.key for asked in server.asked}) == 2


def test_reading_has_no_key() -> None:
    with stub(GOOD) as server:
        Client(server.address, "key").get("stories")
    assert server.asked[0].key is None


def test_retry_after_is_waited_for() -> None:
    waits = Waits()
    with stub(error(429, "rate_limited", Retry_After="7"), GOOD) as server:
        Client(server.address, "key", sleep=waits).get("stories")
    assert waits.seconds == [7.0]


def test_nobody_waits_for_an_hour() -> None:
    waits = Waits()
    with stub(error(429, "rate_limited", Retry_After="3600")) as server, pytest.raises(Refused):
        Client(server.address, "key", sleep=waits).get("stories")
    assert waits.seconds == []


def test_attempts_come_to_an_end() -> None:
    with stub(error(503, "overloaded")) as server, pytest.raises(Refused) as refused:
        Client(server.address, "key", sleep=Waits()).post("stories")
    assert (refused.value.status, len(server.asked)) == (503, ATTEMPTS)


def test_a_server_that_never_answers_is_unreachable() -> None:
    with stub(CUT) as server, pytest.raises(Unreachable):
        Client(server.address, "key", sleep=Waits()).post("stories")
    assert len(server.asked) == ATTEMPTS


@pytest.mark.parametrize("final", [error(503, "tenant_halted"), error(409, "conflict"), error(500, "internal_error")])
def test_what_does_not_pass_is_asked_once(final: Answer) -> None:
    with stub(final) as server, pytest.raises(Refused):
        Client(server.address, "key", sleep=Waits()).post("stories")
    assert len(server.asked) == 1


def test_who_is_patient_waits_for_a_server_that_is_away_until_its_time_is_over() -> None:
    """Went red when everybody gave up after four attempts, which are 2.6 s."""
    waits = Waits()
    with stub(CUT) as server:
        client = Client(server.address, "key", sleep=waits, clock=waits.clock)
        client.patient(300)
        with pytest.raises(Unreachable):
            client.get("stories")
    assert 300 - LONGEST_PAUSE_SECONDS <= sum(waits.seconds) < 300
    assert waits.seconds == sorted(waits.seconds)
    assert max(waits.seconds) == LONGEST_PAUSE_SECONDS


def test_who_is_patient_keeps_to_what_the_server_asks_for() -> None:
    waits = Waits()
    with stub(error(429, "rate_limited", Retry_After="100"), GOOD) as server:
        client = Client(server.address, "key", sleep=waits, clock=waits.clock)
        client.patient(300)
        assert client.get("stories") == {"ok": True}
    assert waits.seconds == [100.0]


def test_patience_waits_for_nothing_that_does_not_pass() -> None:
    with stub(error(404, "not_found")) as server:
        client = Client(server.address, "key", sleep=Waits())
        client.patient()
        with pytest.raises(Refused):
            client.get("stories")
    assert len(server.asked) == 1
