"""Asks what the service stands on, once for everybody who wants to know in the same second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import UNSET, Struct

from api.health.schemas import Checks, Health, Outcome, Status

PROBE_SECONDS = 2.0
"""A probe that takes longer is not waited for, and not for what it has to clean up either."""
KEEP_SECONDS = 1.0
"""How old an answer may be: /health is public, and must not become a way to keep the database busy."""

Probe = Callable[[], Awaitable[None]]
"""Returns when the thing answers; raises anything when it does not."""


class Sealing(Protocol):
    """Whether the keys at rest are missing (spec 06, section 4.2); eventstore.keys.seal.Seal is one."""

    @property
    def sealed(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...


class Probes(Struct, frozen=True, kw_only=True):
    """``clock`` in seconds that never go back."""

    database: Probe
    redis: Probe
    jobs: Probe
    replication: Probe | None = None
    """None where no standby is demanded."""
    seal: Callable[[], Sealing]
    clock: Callable[[], float]


class HealthCheck:
    """Remembers the last answer; whoever comes while a look is under way waits for that one."""

    def __init__(self, version: str, probes: Probes) -> None:
        self._version = version
        self._probes = probes
        self._lock = asyncio.Lock()
        self._checks: Checks | None = None
        self._looked_at = 0.0

    @property
    def sealed(self) -> bool:
        return self._probes.seal().sealed

    async def look(self) -> Health:
        """Takes at most PROBE_SECONDS; the seal is read fresh, because reading it costs nothing."""
        checks = await self._recent()
        seal = self._probes.seal()
        failed = "error" in (checks.database, checks.redis, checks.jobs, checks.replication)
        status: Status = "degraded" if failed else "sealed" if seal.sealed else "ok"
        reason = (seal.reason or "The keys at rest are missing.") if seal.sealed else UNSET
        return Health(status=status, version=self._version, checks=checks, reason=reason)

    async def _recent(self) -> Checks:
        async with self._lock:
            now = self._probes.clock()
            if self._checks is None or now - self._looked_at >= KEEP_SECONDS:
                self._checks = await self._ask()
                self._looked_at = self._probes.clock()
            return self._checks

    async def _ask(self) -> Checks:
        probes = self._probes
        async with asyncio.TaskGroup() as group:
            database = group.create_task(_outcome(probes.database))
            redis = group.create_task(_outcome(probes.redis))
            jobs = group.create_task(_outcome(probes.jobs))
            replication = group.create_task(_outcome(probes.replication)) if probes.replication else None
        replicated = replication.result() if replication else UNSET
        return Checks(database.result(), redis.result(), jobs.result(), jobs.result(), replicated)


async def _outcome(probe: Probe) -> Outcome:
    asked = asyncio.ensure_future(probe())
    done, _ = await asyncio.wait({asked}, timeout=PROBE_SECONDS)
    if not done:
        asked.cancel()
        asked.add_done_callback(_seen)
        return "error"
    return "ok" if not asked.cancelled() and asked.exception() is None else "error"


def _seen(asked: "asyncio.Future[None]") -> None:
    if not asked.cancelled():
        asked.exception()
