"""The log as an application of the library, which its projection runners make from the environment."""

from pathlib import Path
from typing import Any, NoReturn

from eventsourcing.application import Application
from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    Mapper,
    TrackingRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType

from loopctl.eventsourcing.errors import ReadOnly
from loopctl.eventsourcing.event import LogMapper
from loopctl.eventsourcing.logs import POLL_SECONDS
from loopctl.eventsourcing.recorder import LogRecorder, open_bundle, open_server

LOG = "LOOPCTL_LOG"
VKEYS = "LOOPCTL_LOG_VKEYS"
API_KEY = "LOOPCTL_API_KEY"
KEEP = "LOOPCTL_LOG_KEEP"
POLL = "LOOPCTL_LOG_POLL_SECONDS"


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Reads only: the view of a projection needs a factory of its own."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._opened: list[LogRecorder] = []

    def application_recorder(self) -> LogRecorder:
        recorder = self._open()
        self._opened.append(recorder)
        return recorder

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None
    ) -> Mapper[Any]:
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = LogMapper
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> NoReturn:  # noqa: ARG002  # what the library calls
        raise ReadOnly

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> NoReturn:  # noqa: ARG002  # same
        raise ReadOnly

    def process_recorder(self) -> NoReturn:
        raise ReadOnly

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def _open(self) -> LogRecorder:
        place, vkeys = self._needed(LOG), self._needed(VKEYS).split()
        if not place.startswith(("http://", "https://")):
            return open_bundle(place, vkeys)
        kept, seconds = self.env.get(KEEP), float(self.env.get(POLL, str(POLL_SECONDS)))
        keep = Path(kept) if kept else None
        return open_server(place, self._needed(API_KEY), vkeys, keep=keep, poll_seconds=seconds)

    def _needed(self, name: str) -> str:
        value = self.env.get(name)
        if not value:
            raise InfrastructureFactoryError(f"{name} is not set (docs/eventsourcing.md)")
        return value


class LogApplication(Application[str]):
    """Its name is the log's origin, by which trackings tell the logs of several tenants apart."""

    recorder: LogRecorder

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        self.name = self.recorder.origin

    def construct_factory(self, env: Environment) -> LogFactory:
        return LogFactory(env)
