"""The newest verification run of a story, for the tenants that want a passing one before anybody verifies."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.event import Recorded
from domain.lifecycle.events import VerificationRunReported
from domain.lifecycle.runs import LastRun, evolve_last_run
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

LOAD = """
    SELECT DISTINCT ON (story_id) story_id, report_position, status
      FROM app.verification_run
     WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])
     ORDER BY story_id, position DESC
"""


class LastRunModel(Model[UUID, LastRun | None]):
    """By story."""

    name = "last_run"
    events = (VerificationRunReported, StoryDeleted)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, LastRun | None]:
        rows = await tx.fetch(LOAD, tx.tenant_id, list(keys))
        return {row["story_id"]: LastRun(row["report_position"], row["status"]) for row in rows}

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return (recorded.stream.id,)

    def evolve(self, last: LastRun | None, recorded: Recorded) -> LastRun | None:
        return evolve_last_run(last, recorded.event)


LAST_RUN = LastRunModel()
