"""One line when a server goes away and one when it is back, however many threads notice."""

import threading

import structlog
from redis import RedisError

log = structlog.get_logger(__name__)

REDIS_OUTAGE = (RedisError, OSError)


class Outage:
    """Of one server. It lasts from the first source that fails until every failing source has succeeded again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failing: set[str] = set()
        self._lock = threading.Lock()

    @property
    def lasts(self) -> bool:
        return bool(self._failing)

    def failed(self, source: str, error: BaseException) -> None:
        with self._lock:
            begins = not self._failing
            self._failing.add(source)
        if begins:
            # The class says enough; the text of a connection error may hold an address with a password.
            log.warning("server_lost", name=self._name, error_class=type(error).__name__)

    def succeeded(self, source: str) -> None:
        if source not in self._failing:
            return
        with self._lock:
            self._failing.discard(source)
            ends = not self._failing
        if ends:
            log.info("server_back", name=self._name)
