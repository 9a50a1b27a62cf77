"""What becomes of a version of a skill that a job of the worker has found to cost far more than the one before."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.commands import refused
from domain.event import Stream
from domain.skill_regression import Regressed, note_regression
from eventstore.log.command import Change, Command, Known, Origin
from projections.rows.job_findings import Finding
from projections.rows.skill_regressions import SKILL_REGRESSIONS
from projections.rows.skills import SKILLS

ACTOR = ("system", "system:cost_watch")

REGRESSED = msgspec.json.Decoder(Regressed)


def regression_found(finding: Finding, now: datetime) -> Command:
    found = REGRESSED.decode(finding.details)
    stream = Stream("skill_regression", finding.subject_id)
    skill_need, said = SKILLS.need(found.skill_id), SKILL_REGRESSIONS.need(finding.subject_id)

    def decide(known: Known) -> Sequence[Change]:
        skill = known[skill_need]
        if skill is None:
            return []
        return [Change(stream, event) for event in note_regression(found, skill.name, skill.project_id, known[said])]

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(skill_need, said), streams=(stream,),
        decide=decide, answer=lambda *_: None,
    )  # fmt: skip
