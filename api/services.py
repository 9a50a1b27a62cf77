"""What the application is given: settings, and ways to ask the outside world. Nothing here is looked up globally.

Nothing has a default either: what is forgotten stops the start instead of limiting, counting or checking nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import BinaryIO
from uuid import UUID

from litestar.di import NamedDependency
from msgspec import Struct

from api.changes.drawings import Drawings
from api.changes.news import News
from api.changes.rendering import Renderer
from api.documentation.assets import Assets
from api.documentation.openapi import Documents
from api.founding import NewTenant
from api.health.check import HealthCheck
from api.http.limits import Limits
from api.http.rate_limits.local import FailedKeys
from api.http.rate_limits.verdict import RateCheck, Verdict
from api.http.recording import Metrics
from api.knowledge.reads import Reading
from api.knowledge.semantic import Semantic
from api.log.reading import LogReader
from api.mcp.threads import ToolThreads
from api.stories.rendering import StoryRenderer
from config.keys import Key
from config.settings import Settings
from domain.caller import Caller
from domain.event import Recorded
from egress.client import Egress
from eventstore.database.asking import Ask
from eventstore.database.transaction import SystemTx, TenantTx
from eventstore.keys.purpose_keys import PurposeKeys
from eventstore.log.codec import Codec
from eventstore.log.command import Command, Reply
from projections.rows.webhook_secrets import WebhookSecrets

Submit = Callable[[UUID, Command], Awaitable[Reply]]
"""To the log of a tenant; returns after the commit (eventstore.log.lane)."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Services(Struct, frozen=True, kw_only=True):
    settings: Settings
    version: str
    limits: Limits

    submit: Submit
    reading: Callable[[UUID], AbstractAsyncContextManager[TenantTx]]
    """A transaction that sees one tenant, for queries."""
    reading_once: Ask
    """One statement that sees one tenant, and is its whole transaction."""
    reading_names: Callable[[], AbstractAsyncContextManager[SystemTx]]
    """A transaction that sees no tenant's rows, for the functions that tell which tenants there are."""
    log_reader: LogReader
    codec: Codec
    renderer: Renderer
    """Entries of the log as the change feed sends them."""
    stories: StoryRenderer
    """Stories as they are sent."""
    news: News
    """Wakes those who wait for a tenant's log to grow."""
    drawings: Drawings
    """What many have open, drawn once."""

    found: Callable[[NewTenant], Awaitable[Sequence[Recorded]]]
    """Makes a tenant with its log and its first key (api.founding)."""

    clock: Callable[[], float]
    """Seconds that never go back; for durations."""
    utc_now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    find_caller: Callable[[str], Awaitable[Caller]]
    """From a raw key. Raises UnknownKey, TenantInactive."""
    check_rate: Callable[[RateCheck], Awaitable[Verdict]]
    """Counts a request and says whether it may go on."""
    mark_of_callers: Callable[[UUID], int]
    """How new is what is remembered of a tenant's callers."""
    callers_marked: Callable[[UUID, int], None]
    """Told a newer mark: what is remembered is to be forgotten."""
    failed_keys: FailedKeys
    callers_changed: Callable[[UUID], Awaitable[None]]
    """Tells the other processes that a key of the tenant, or the tenant itself, is not what it was."""
    note_caller: Callable[[Caller], None]
    note_reads: Callable[[Reading], None]
    """Told of articles that were read."""
    semantic: Semantic
    """Makes vectors of questions, where there is a provider."""
    reviewed: Callable[[UUID], None]
    """Told of a tenant that has a new review to learn from."""
    purpose_keys: PurposeKeys
    """Of a tenant, for what is signed besides heads, and for draws."""
    webhook_secrets: WebhookSecrets
    egress: Egress
    """To the issuers of a CI's tokens."""
    problem_of_url: Callable[[str], Awaitable[str | None]]
    """What speaks against sending requests there, in words for whoever chose the address; None for nothing."""
    peppers: Sequence[Key]
    """Of the hashes of API keys, the current one first. Without one no key can be made."""

    health: HealthCheck
    metrics: Metrics
    tool_threads: ToolThreads
    documents: Documents
    assets: Assets
    log: BinaryIO
    """Where the access log goes."""


Provided = NamedDependency[Services]
"""How a handler declares that it needs them: ``services: Provided``."""
