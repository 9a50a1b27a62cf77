"""When custody may halt, and when it may go on, as the custody machine sees it in the database."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from bench.custody_heads import is_for_heads
from bench.custody_model import Bypass, Model, Person
from bench.custody_requests import Wanted
from bench.custody_team import Team
from tests.api.asgi import Answer

TENANTS = """
    SELECT tenant_id, custody_halted_at IS NOT NULL AS halted, size
      FROM app.tenant JOIN app.log_head USING (tenant_id)
     WHERE tenant_id = ANY($1::uuid[])
"""


class Asked(Struct, frozen=True):
    """What was asked in a tenant just now, by whom, and what was answered."""

    person: Person
    wish: Wanted
    answer: Answer


class Halts:
    def __init__(self, outside: "asyncpg.Connection[asyncpg.Record]", model: Model) -> None:
        self._outside = outside
        self._model = model
        self.counts: Counter[str] = Counter()

    def explain(self, own: Team, answer: Answer) -> bool:
        """Whether an answer of 5xx is what a halt asks for."""
        self.counts["503"] += 1
        return own.halted and answer.status == 503 and answer.error["code"] == "tenant_halted"

    async def look(self, teams: Mapping[UUID, Team], where: Team | None, asked: Asked | None) -> None:
        """After each request, which was ``asked`` in the tenant ``where``. Raises Bypass."""
        for row in await self._outside.fetch(TENANTS, list(teams)):
            own = teams[row["tenant_id"]]
            self._watch(own, row["halted"], row["size"], asked if own is where else None)

    def _watch(self, own: Team, halted: bool, size: int, asked: Asked | None) -> None:
        name = asked.wish.operation.name if asked else "nobody"
        if asked and is_for_heads(asked.answer) and size != own.size:
            raise Bypass(f"{name} was refused for the head that was claimed, and has written")
        codes = list(_codes(asked.answer)) if asked else []
        wants = bool(own.settings.get("halt_on_self_attempt"))
        attempted = any(code.startswith("self_") and code.endswith("_blocked") for code in codes)
        asked_for = attempted or "wrong_lineage" in codes  # for a capability to confirm one's own work
        if halted and not own.halted and not (wants and asked_for):
            raise Bypass(f"{name} has halted custody")
        if wants and attempted and not halted:
            raise Bypass(f"{name}: an attempt was refused, and custody went on")
        if own.halted and not halted and not (asked and _is_way_out(asked)):
            raise Bypass(f"{name} ended a halt")
        if halted != own.halted:
            self.counts["halted" if halted else "cleared"] += 1
        own.halted, own.size = halted, size
        (self._model.halted.add if halted else self._model.halted.discard)(own.tenant)


def _is_way_out(asked: Asked) -> bool:
    by_person = asked.person.role == "user" or asked.person.outside
    return by_person and asked.wish.operation.last == "clear-halt" and asked.answer.status == 200


def _codes(answer: Answer) -> Iterator[str]:
    """Of the refusal, or of each that is listed."""
    body: Any = answer.json() if answer.body else {}
    if not isinstance(body, dict):
        return
    for each in (body.get("error"), *body.get("results", ()), *body.get("errors", ())):
        if isinstance(each, dict) and isinstance(each.get("code"), str):
            yield each["code"]
