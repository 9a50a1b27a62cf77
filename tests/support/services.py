"""What an application is given in tests that need nothing from outside: stand-ins that answer as if all were well."""

import io
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.changes.drawings import Drawings
from api.changes.news import News
from api.changes.rendering import Renderer
from api.documentation.assets import Assets
from api.documentation.openapi import Documents
from api.founding import NewTenant
from api.health.check import HealthCheck, Probes
from api.http.identifiers import new_id
from api.http.limits import Limits
from api.http.rate_limits.local import FailedKeys
from api.http.rate_limits.verdict import RateCheck, Verdict
from api.http.recording import Metrics
from api.knowledge.semantic import Semantic
from api.log.reading import LogReader
from api.mcp.threads import ToolThreads
from api.services import Services, utc_now
from api.stories.rendering import StoryRenderer
from config.settings import Settings
from domain.caller import Caller
from domain.event import Recorded
from domain.events import EVENTS, UPCASTERS
from egress.client import Egress
from egress.destination import Rules
from eventstore.callers.callers import UnknownKey
from eventstore.database.transaction import SystemTx, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.keys.keyring import Keyring
from eventstore.keys.purpose_keys import PurposeKeys
from eventstore.log.codec import Codec
from eventstore.log.command import Command, Reply
from projections.rows.webhook_secrets import WebhookSecrets

NOBODY_WAITS = 1_000_000
CODEC = Codec(EVENTS, UPCASTERS)


class SealIs(Struct, frozen=True):
    sealed: bool = False
    reason: str | None = None


async def answers() -> None:
    """A probe of something that cannot fail."""


async def nobody(_: str) -> Caller:
    raise UnknownKey


def always_current(_: UUID) -> int:
    return 0


def never_found(_: str) -> bool:
    return False


def nothing_forgotten(_: UUID, __: int) -> None: ...


async def nobody_is_told(_: UUID) -> None: ...


async def no_problem(_: str) -> str | None:
    return None


def unnoticed(_: Caller) -> None: ...


async def unlimited(asked: RateCheck) -> Verdict:
    return Verdict(asked.limit, 0.0, asked.limit, 0.0)


async def nowhere(_: UUID, __: Command) -> Reply:
    raise DatabaseUnavailable("lost")


async def no_log(_: NewTenant) -> Sequence[Recorded]:
    raise DatabaseUnavailable("lost")


def nothing_to_read(_: UUID) -> AbstractAsyncContextManager[TenantTx]:
    raise DatabaseUnavailable("lost")


async def nothing_to_ask(_: str, __: UUID, /, *___: object) -> list[Any]:
    raise DatabaseUnavailable("lost")


def nothing_at_all() -> AbstractAsyncContextManager[SystemTx]:
    raise DatabaseUnavailable("lost")


def services_with(**given: Any) -> Services:
    """Of the probes ``database``, ``redis``, ``jobs``, ``replication``, ``seal`` and ``clock`` those that are given."""
    version, settings = given.pop("version", "1.2.3"), given.pop("settings", Settings())
    clock, codec = given.pop("clock", time.monotonic), given.pop("codec", CODEC)
    probes = Probes(
        database=given.pop("database", answers), redis=given.pop("redis", answers), jobs=given.pop("jobs", answers),
        replication=given.pop("replication", None), seal=given.pop("seal", SealIs), clock=clock,
    )  # fmt: skip
    stand_ins: dict[str, Any] = {
        "settings": settings, "version": version, "limits": Limits(), "submit": nowhere, "reading": nothing_to_read,
        "reading_once": nothing_to_ask, "reading_names": nothing_at_all,
        "log_reader": LogReader(None, Keyring(())), "codec": codec, "renderer": Renderer(codec),
        "found": no_log,
        "stories": StoryRenderer(), "news": News(), "drawings": Drawings(), "clock": clock,
        "utc_now": utc_now, "new_id": new_id,
        "find_caller": nobody, "check_rate": unlimited,
        "failed_keys": FailedKeys(NOBODY_WAITS, 0, never_found, clock),
        "mark_of_callers": always_current, "callers_marked": nothing_forgotten,
        "callers_changed": nobody_is_told, "note_caller": unnoticed, "reviewed": unnoticed, "note_reads": unnoticed,
        "semantic": Semantic(None),
        "purpose_keys": PurposeKeys(None, Keyring(()), nowhere), "peppers": (),
        "webhook_secrets": WebhookSecrets(Keyring(())), "egress": Egress(Rules()), "problem_of_url": no_problem,
        "health": HealthCheck(version, probes), "metrics": Metrics(settings.metrics_dir),
        "tool_threads": ToolThreads(Limits().tools.process),
        "documents": Documents(version), "assets": Assets(), "log": io.BytesIO(),
    }  # fmt: skip
    return Services(**{**stand_ins, **given})
