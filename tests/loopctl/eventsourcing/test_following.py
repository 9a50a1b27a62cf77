"""A log on a server as it grows: verified from where the last round was, never a log that does not extend it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from loopctl.eventsourcing import LogRecorder, NotVerified, Unavailable, open_server
from loopctl.eventsourcing import recorder as module
from tests.loopctl.audit.remote_log import API_KEY, Server, served_log
from tests.loopctl.eventsourcing.sample import VERIFIED, VKEY, following, log
from tests.support.sample_log import THIEF, Plan, make_log

HEADS = (40, 256, 300, 512, 600, 700)


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    with served_log(log(300)) as served:
        yield served


def flip(server: Server, name: str, place: int = 30) -> None:
    data = server.files[name]
    server.files[name] = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def ids(recorder: LogRecorder, start: int | None = None) -> list[int]:
    return [each.id for each in recorder.select_notifications(start, 10_000)]


@pytest.mark.parametrize("begin", [0, 1, 40, 255, 256, 257, 300, 512])
def test_what_has_come_since_is_read_with_what_was_there(server: Server, begin: int) -> None:
    """Also from the edges of the groups of 256 entries."""
    server.serve(log(begin))
    with following(server) as recorder:
        assert recorder.max_notification_id() == (begin or None)
        for size in (size for size in (begin + 1, *HEADS) if size > begin):
            server.serve(log(size))
            assert ids(recorder) == list(range(1, size + 1))


def test_a_later_round_asks_only_for_the_groups_that_have_changed(server: Server) -> None:
    server.serve(log(600))
    with following(server) as recorder:
        server.serve(log(700))
        server.asked.clear()
        assert recorder.max_notification_id() == 700
        assert [path for path in server.asked if "/tile/entries/" in path] == [
            f"/t/{server.log[-36:]}/tile/entries/002.p/188"
        ]


def test_a_server_is_not_asked_for_what_is_there(server: Server) -> None:
    with following(server) as recorder:
        server.asked.clear()
        assert len(recorder.select_notifications(10, 50)) == 50
        assert len(recorder.select_notifications(10, 500, stop=300)) == 291
        assert server.asked == []


def test_a_server_is_asked_once_in_a_while(server: Server) -> None:
    with following(server, poll_seconds=60.0) as recorder:
        server.asked.clear()
        assert recorder.max_notification_id() == 300
        assert server.asked == []


def test_a_change_of_keys_is_followed(server: Server) -> None:
    with following(server) as recorder:
        server.serve(log(400, boundaries=(350,)))
        assert recorder.max_notification_id() == 400
        server.serve(log(900, boundaries=(350, 512, 800)))
        assert recorder.max_notification_id() == 900


def test_a_key_that_no_rotation_has_brought_is_refused(server: Server) -> None:
    with following(server) as recorder:
        server.serve(log(400, boundaries=(350,)))
        server.keys = server.keys.replace(b'"first_size": 350', b'"first_size": 320')
        with pytest.raises(NotVerified):
            recorder.max_notification_id()


@pytest.mark.parametrize(
    "name", ["tile/entries/001.p/144", "tile/0/001.p/144", "tile/1/000.p/1", "checkpoint"]
)  # fmt: skip
def test_nothing_of_a_round_that_is_wrong_is_handed_on(server: Server, name: str) -> None:
    with following(server) as recorder:
        server.serve(log(400))
        flip(server, name)
        for _ in range(2):  # the second would read what the first had left behind
            with pytest.raises(NotVerified):
                recorder.select_notifications(301, 10)
        assert len(recorder.select_notifications(1, 300)) == 300, "what was verified before is"
        server.serve(log(400))
        assert ids(recorder, 301) == list(range(301, 401)), "the control: without the flip"


def test_nothing_of_the_first_round_that_is_wrong_is_handed_on(server: Server) -> None:
    flip(server, "tile/entries/000")
    with pytest.raises(NotVerified), following(server):
        raise AssertionError("was opened")


@pytest.mark.parametrize("size", [300, 301, 400, 600])
def test_another_log_of_the_same_key_is_a_fork(server: Server, size: int) -> None:
    """Signed and whole, and refused by whoever has seen the first."""
    fork = log(size, committed=(290,))
    with following(server) as recorder:
        server.serve(fork)
        with pytest.raises(NotVerified) as refused:
            recorder.max_notification_id()
        assert refused.value.finding.code in ("heads_differ", "root_differs", "entry_link")
        assert b"commit" not in recorder.select_notifications(291, 1)[0].state
    with following(server) as recorder:  # the control: nothing is wrong with it alone
        assert recorder.max_notification_id() == size


@pytest.mark.parametrize("size", [512, 600])
def test_a_fork_at_the_edge_of_a_group_is_refused(server: Server, size: int) -> None:
    server.serve(log(512))
    with following(server) as recorder:
        server.serve(log(size, committed=(511,)))
        with pytest.raises(NotVerified):
            recorder.max_notification_id()


def test_a_log_that_was_put_back_is_stale(server: Server) -> None:
    with following(server) as recorder:
        server.serve(log(299))
        with pytest.raises(NotVerified) as refused:
            recorder.max_notification_id()
        assert refused.value.finding.code == "stale"


def test_an_entity_whose_history_has_a_gap_between_rounds_is_refused(server: Server) -> None:
    """Links are held against entries of earlier rounds: the signer itself leaves out a link."""
    broken = make_log(Plan(size=700, changes={690: lambda entry: replace(entry, eseq=0, eprev=None)}))
    server.serve(make_log(Plan(size=600)))
    with following(server) as recorder:
        server.serve(make_log(Plan(size=700)))
        assert recorder.max_notification_id() == 700, "the control"
    server.serve(make_log(Plan(size=600)))
    with following(server) as recorder:
        server.serve(broken)
        with pytest.raises(NotVerified) as refused:
            recorder.max_notification_id()
        assert refused.value.finding.code == "entity_link"


# Kept between processes -----------------------------------------------------------------------------------------------


def test_what_is_kept_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.serve(log(600))
    with following(server, keep=tmp_path):
        server.asked.clear()
    with following(server, keep=tmp_path) as recorder:
        assert recorder.max_notification_id() == 600
    assert not [path for path in server.asked if path.endswith(("entries/000", "entries/001"))]


def test_a_log_that_was_put_back_is_told_after_a_restart_too(server: Server, tmp_path: Path) -> None:
    with following(server, keep=tmp_path) as recorder:
        server.serve(log(400))
        assert recorder.max_notification_id() == 400
    server.serve(log(350))
    with pytest.raises(NotVerified), following(server, keep=tmp_path):
        raise AssertionError("was opened")
    with following(server) as recorder:  # the control
        assert recorder.max_notification_id() == 350


def test_what_was_kept_and_damaged_is_read_again(server: Server, tmp_path: Path) -> None:
    with following(server, keep=tmp_path):
        pass
    kept = tmp_path / "tile/entries/000"
    kept.write_bytes(kept.read_bytes().replace(b"Story 7", b"Story 8"))
    with following(server, keep=tmp_path) as recorder:
        assert b"Story 7" in recorder.select_notifications(8, 1)[0].state


# Subscriptions --------------------------------------------------------------------------------------------------------


def test_a_subscription_goes_on_from_an_id_and_follows(server: Server) -> None:
    with following(server, poll_seconds=0.01) as recorder, recorder.subscribe(gt=298) as subscription:
        assert [next(subscription).id for _ in range(2)] == [299, 300]
        server.serve(log(303))
        assert [next(subscription).id for _ in range(3)] == [301, 302, 303]


def test_a_subscription_is_of_its_topics(server: Server) -> None:
    with following(server, poll_seconds=0.01) as recorder, recorder.subscribe(290, [VERIFIED]) as subscription:
        assert [next(subscription).id for _ in range(2)] == [291, 296]
        server.serve(log(310))
        found = [next(subscription) for _ in range(2)]
        assert [(each.id, each.topic) for each in found] == [(301, VERIFIED), (306, VERIFIED)]


def test_a_subscription_raises_and_yields_nothing_of_a_log_that_is_wrong(server: Server) -> None:
    with following(server, poll_seconds=0.01) as recorder, recorder.subscribe(gt=300) as subscription:
        server.serve(log(303))
        flip(server, "tile/entries/001.p/47", -100)
        with pytest.raises(NotVerified):
            next(subscription)
        server.serve(log(303))
        assert next(subscription).id == 301, "the control"


def test_who_has_seen_more_than_there_is_has_seen_another_log(server: Server) -> None:
    with following(server) as recorder:
        with pytest.raises(NotVerified):
            recorder.subscribe(gt=301)
        recorder.subscribe(gt=300).stop()


def test_a_subscription_that_waits_is_stopped_at_once(server: Server) -> None:
    with following(server, poll_seconds=30.0) as recorder, recorder.subscribe(gt=300) as subscription:
        threading.Timer(0.1, subscription.stop).start()
        began = time.monotonic()
        assert list(subscription) == []
        assert time.monotonic() - began < 10


# Servers that do not answer -------------------------------------------------------------------------------------------


def test_a_subscription_outlasts_a_server_that_says_no_for_a_while(server: Server) -> None:
    path = f"/t/{server.log[-36:]}/checkpoint"
    with following(server, poll_seconds=0.01) as recorder, recorder.subscribe(gt=300) as subscription:
        server.serve(log(301))
        server.refusals[path] = [403, 403, 403]
        assert next(subscription).id == 301
        assert server.refusals[path] == []


def test_a_subscription_does_not_outlast_it_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTAGE_SECONDS", 0.05)
    with following(server, poll_seconds=0.01) as recorder, recorder.subscribe(gt=300) as subscription:
        server.refusals[f"/t/{server.log[-36:]}/checkpoint"] = [403] * 1000
        with pytest.raises(Unavailable, match="answers 403"):
            next(subscription)


def test_a_key_that_may_not_read_is_said_to_be_refused(server: Server) -> None:
    with pytest.raises(Unavailable, match="answers 401"):
        open_server(server.log, "another", [VKEY])


def test_the_log_of_somebody_else_is_refused(server: Server) -> None:
    with pytest.raises(NotVerified):
        open_server(server.log, API_KEY, [THIEF.key.text()])


def test_an_address_of_no_log_is_refused() -> None:
    with pytest.raises(Unavailable, match="ends in /t/"):
        open_server("http://127.0.0.1:1/nowhere", API_KEY, [VKEY])
