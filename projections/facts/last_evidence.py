"""The newest evidence of a story and of a project, and what a token has said before: for what is to be compared with
it, and for tenants that want some before anybody verifies."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.event import Event, Recorded
from domain.lifecycle.events import EvidenceReported
from domain.lifecycle.evidence import KeptEvidence, Standing, evolve_standing_evidence, kept
from domain.story import CriterionUpdated, StoryDeleted, StoryUpdated
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

OF_STORIES = """
    SELECT asked.id AS story_id, found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN unnest(ARRAY['any', 'ci']) AS wanted (source)
     CROSS JOIN LATERAL (
           SELECT e.evidence_id, e.source, e.status, e.sha256, e.commit_sha, e.tests - e.skipped AS executed,
                  e.claim_position, e.iteration, e.current, wanted.source AS wanted
             FROM app.evidence AS e
            WHERE e.tenant_id = $1 AND e.story_id = asked.id AND wanted.source IN ('any', e.source)
            ORDER BY e.story_id DESC, e.position DESC
            LIMIT 1) AS found
"""
OF_PROJECTS = """
    SELECT asked.id AS project_id,
           (SELECT e.tests - e.skipped
              FROM app.evidence AS e
             WHERE e.tenant_id = $1 AND e.project_id = asked.id AND e.status = 'pass'
             ORDER BY e.project_id DESC, e.position DESC
             LIMIT 1) AS executed
      FROM unnest($2::uuid[]) AS asked (id)
"""
OF_TOKENS = """
    SELECT asked.story_id, asked.jti, found.*
      FROM unnest($2::uuid[], $3::text[]) AS asked (story_id, jti)
     CROSS JOIN LATERAL (
           SELECT e.evidence_id, e.source, e.status, e.sha256, e.commit_sha, e.tests - e.skipped AS executed,
                  e.claim_position, e.iteration, e.current
             FROM app.evidence AS e
            WHERE e.tenant_id = $1 AND e.story_id = asked.story_id AND e.jti = asked.jti
            ORDER BY e.position DESC
            LIMIT 1) AS found
"""


def _kept(row: Any) -> KeptEvidence:
    return KeptEvidence(**{name: row[name] for name in KeptEvidence.__struct_fields__})


class LastEvidence(Model[UUID, Standing]):
    """By story."""

    name = "last_evidence"
    events: tuple[type[Event], ...] = (EvidenceReported, CriterionUpdated, StoryUpdated, StoryDeleted)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Standing]:
        found: dict[UUID, dict[str, KeptEvidence]] = {}
        for row in await tx.fetch(OF_STORIES, tx.tenant_id, list(keys)):
            found.setdefault(row["story_id"], {})[row["wanted"]] = _kept(row)
        return {story_id: Standing(each.get("any"), each.get("ci")) for story_id, each in found.items()}

    def initial(self, _: UUID) -> Standing:
        return Standing()

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return (recorded.stream.id,)

    def evolve(self, standing: Standing, recorded: Recorded) -> Standing:
        return evolve_standing_evidence(standing, recorded)


class ProjectEvidence(Model[UUID, int | None]):
    """By project: tests that were not skipped in its newest passing evidence. One of a story that is deleted later is
    forgotten, which is why it is read anew for each batch."""

    name = "project_evidence"
    volatile = True
    events: tuple[type[Event], ...] = (EvidenceReported,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, int | None]:
        rows = await tx.fetch(OF_PROJECTS, tx.tenant_id, list(keys))
        return {row["project_id"]: row["executed"] for row in rows}

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        event = recorded.event
        return (event.project_id,) if isinstance(event, EvidenceReported) else ()

    def evolve(self, executed: int | None, recorded: Recorded) -> int | None:
        event = recorded.event
        if not isinstance(event, EvidenceReported) or event.status != "pass":
            return executed
        return kept(event).executed


class TokenEvidence(Model[tuple[UUID, str], KeptEvidence | None]):
    """By story and token: the newest that it has said."""

    name = "token_evidence"
    events: tuple[type[Event], ...] = (EvidenceReported,)

    async def load(
        self, tx: TenantTx, keys: Sequence[tuple[UUID, str]]
    ) -> Mapping[tuple[UUID, str], KeptEvidence | None]:
        stories, tokens = [story for story, _ in keys], [token for _, token in keys]
        rows = await tx.fetch(OF_TOKENS, tx.tenant_id, stories, tokens)
        return {(row["story_id"], row["jti"]): _kept(row) for row in rows}

    def initial(self, _: tuple[UUID, str]) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[tuple[UUID, str]]:
        event = recorded.event
        if not isinstance(event, EvidenceReported) or event.jti is None:
            return ()
        return ((recorded.stream.id, event.jti),)

    def evolve(self, before: KeptEvidence | None, recorded: Recorded) -> KeptEvidence | None:
        return kept(recorded.event) if isinstance(recorded.event, EvidenceReported) else before


LAST_EVIDENCE, PROJECT_EVIDENCE, TOKEN_EVIDENCE = LastEvidence(), ProjectEvidence(), TokenEvidence()
