"""Event-sourced projections of the library, with SQLite to remember how far they have come."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from eventsourcing.application import ProcessingEvent
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.projection import EventSourcedProjection, EventSourcedProjectionRunner

from loopctl.eventsourcing import LogApplication, LogEvent, NotVerified
from tests.loopctl.eventsourcing.sample import VERIFIED, VKEY, exported, log


class Seen(EventSourcedProjection[str]):
    topics = (VERIFIED,)
    positions: ClassVar[list[int]] = []

    def policy(self, domain_event: DomainEventProtocol[str], _: ProcessingEvent[str]) -> None:
        assert isinstance(domain_event, LogEvent)
        self.positions.append(domain_event.position)


def seen(environment: dict[str, str], until: int) -> list[int]:
    """Positions that one process sees."""
    Seen.positions.clear()
    runner: Any
    with EventSourcedProjectionRunner(
        application_class=LogApplication, projection_class=Seen, env=environment
    ) as runner:
        runner.wait(until, timeout=20)
    return list(Seen.positions)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """``PERSISTENCE_MODULE`` is the projection's: the application is the log."""
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(tmp_path / "seen.sqlite"),
        "LOOPCTL_LOG": str(tmp_path / "log.tar"),
        "LOOPCTL_LOG_VKEYS": VKEY,
    }


def test_a_projection_goes_on_where_it_was(environment: dict[str, str], tmp_path: Path) -> None:
    exported(log(300), tmp_path / "log.tar")
    assert seen(environment, 296) == list(range(0, 300, 5))
    exported(log(330), tmp_path / "log.tar")
    assert seen(environment, 326) == [300, 305, 310, 315, 320, 325]


def test_a_projection_that_has_seen_more_than_the_log_has_does_not_begin(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Otherwise what comes under the same ids would be left out."""
    exported(log(300), tmp_path / "log.tar")
    seen(environment, 296)
    exported(log(200), tmp_path / "log.tar")
    with pytest.raises(NotVerified, match="stale"):
        seen(environment, 296)
