"""The index of the audit trail: what entries of the log are found by. Their contents are read from the log itself."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from domain.audit_entry import actor_type_and_id, subject_of
from domain.event import Recorded
from eventstore.database.transaction import TenantTx

TABLES = ("app.audit_index",)

INSERT = """
    INSERT INTO app.audit_index
           (tenant_id, position, at, latest, entity_id, project_id, actor_id, entity_type, action, actor_type,
            story_id)
    SELECT $1, position, at,
           greatest(latest, (SELECT before.latest
                               FROM app.audit_index AS before
                              WHERE before.tenant_id = $1
                              ORDER BY before.position DESC
                              LIMIT 1)),
           entity_id, project_id, actor_id, entity_type, action, actor_type, story_id
      FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                  $9::text[], $10::text[], $11::uuid[])
           AS given (position, at, latest, entity_id, project_id, actor_id, entity_type, action, actor_type,
                     story_id)
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    if not recorded:
        return
    times, projects, stories, actors, actor_types, entity_types, actions = columns_of(recorded)
    await tx.execute(
        INSERT, tx.tenant_id, [each.position for each in recorded], times, [*accumulate(times, max)],
        [subject_of(each).entity_id for each in recorded], projects, actors, entity_types, actions, actor_types,
        stories,
    )  # fmt: skip


def columns_of(recorded: Sequence[Recorded]) -> tuple[list[Any], ...]:
    """Times, projects, stories, ids and types of actors, types of entities, actions."""
    subjects = [subject_of(each) for each in recorded]
    actors = [actor_type_and_id(each.actor) for each in recorded]
    return (
        [each.at for each in recorded], [subject.project_id for subject in subjects],
        [subject.story_id for subject in subjects], [id_ for _, id_ in actors], [kind for kind, _ in actors],
        [subject.entity_type for subject in subjects], [subject.action for subject in subjects],
    )  # fmt: skip
