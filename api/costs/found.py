"""What becomes of a story whose cost a job of the worker has found unusual."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.commands import refused
from domain.event import Stream
from domain.usage.anomaly import CostAnomalyDetected, Holder, Measured, note_measured
from domain.usage.archival import Old, archive_token_data
from eventstore.log.command import Change, Command, Known, Need, Origin, existing
from projections.rows.agents import AGENTS
from projections.rows.cost_anomalies import ANOMALIES, ARCHIVALS, OPEN_ANOMALY
from projections.rows.job_findings import Finding
from projections.rows.stories import STORIES
from projections.rows.tenants import TENANTS

ACTOR = ("system", "system:cost_watch")

OLD = msgspec.json.Decoder(Old)
MEASURED = msgspec.json.Decoder(Measured)


def old_found(finding: Finding, now: datetime) -> Command:
    """Reports and anomalies that are older than the tenant keeps them."""
    old, tenant_id = OLD.decode(finding.details), finding.subject_id
    stream, done = Stream("token_data", finding.finding_id), ARCHIVALS.need(finding.finding_id)
    tenant = TENANTS.need(tenant_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in archive_token_data(existing(known, tenant), old, known[done])]

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(done, tenant), streams=(stream,), decide=decide,
        answer=lambda *_: None, alone=True,
    )  # fmt: skip


def anomaly_found(finding: Finding, now: datetime) -> Command:
    """Nothing is recorded of a story that is gone, of what is said already, and of a finding that was decided about."""
    found = MEASURED.decode(finding.details)
    story_need, mine = STORIES.need(found.story_id), ANOMALIES.need(finding.finding_id)
    there_need = OPEN_ANOMALY.need((found.story_id, found.anomaly_type))

    def following(known: Known) -> Sequence[Need[Any]]:
        story, there = known[story_need], known[there_need]
        held = [AGENTS.need(story.assigned_agent_id)] if story and story.assigned_agent_id else []
        return [*held, *([ANOMALIES.need(there.anomaly_id)] if there else [])]

    def decide(known: Known) -> Sequence[Change]:
        story, there = known[story_need], known[there_need]
        if story is None:
            return []
        agent = known.get(AGENTS.need(story.assigned_agent_id), None) if story.assigned_agent_id else None
        event = note_measured(found, story, Holder(story.assigned_agent_id, agent.name if agent else None), there)
        if event is None or (isinstance(event, CostAnomalyDetected) and known[mine] is not None):
            return []
        id_ = finding.finding_id if there is None else there.anomaly_id
        return [Change(Stream("cost_anomaly", id_), event)]

    def streams(known: Known) -> Sequence[Stream]:
        there = known[there_need]
        ids = [finding.finding_id, *([there.anomaly_id] if there else [])]
        return [Stream("cost_anomaly", id_) for id_ in ids]

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(story_need, mine, there_need),
        following=following, streams=streams, decide=decide, answer=lambda *_: None,
    )  # fmt: skip
