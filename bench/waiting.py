"""Every state that the custody machine brings stories into, before the query of what waits.

Each story is verified, in a queue, under a lease that ends by itself, or waits for one named role; and what it is said
to need gets it on when somebody of that role does it. `make soak ARGS="waiting 100000 SEED"`.
"""

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from bench.custody import Machine
from bench.custody_model import Person
from bench.custody_tenant import Attempt, Tenant
from domain.errors import Rejected
from domain.lifecycle.evidence import Standing, is_of_this_round
from domain.lifecycle.implementer import expire_lease
from domain.lifecycle.runs import LastRun
from domain.lifecycle.waiting import NEEDS
from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from migrations.roles import bootstrap
from migrations.runner import migrate
from projections.queries.waiting import WaitingFilter, list_waiting
from projections.rows.stories import REPLACE_ROWS
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, TestDatabase, created_database, session

TENANT, EPIC = UUID(int=7), UUID(int=2)
STEPS: Mapping[str, str] = {
    "claim": "claim", "start": "start_cap", "request_review": "request-review", "force_unclaim": "force-unclaim",
    "report": "report_cap", "review_complete": "review_complete_cap", "reject": "reject", "report_run": "run-pass",
    "draw_verifier": "draw-verifier", "verify": "verify_cap", "post_evidence": "evidence-pass",
}  # fmt: skip
"""How the machine takes each needed action. For a step that takes a capability, whether it would be given one, which is
decided by taking the step."""

KINDS = {"agent": "implementer", "orchestrator": "orchestrator"}

INSERT_PROGRESS = """
    INSERT INTO app.epic_progress
    SELECT $1::uuid, $2::uuid, project, stories, 0, 0, 0, 0, stories, stories, 0, 0, 0, 0
      FROM unnest($3::uuid[], $4::integer[]) AS each (project, stories)
"""
INSERT_RUN = """
    INSERT INTO app.verification_run
    VALUES ($1, $2::uuid, $2::uuid, $2::uuid, $2::uuid, $3, 'manual', '9fceb02d', NULL, NULL, '{}', NULL, now(), $4,
            now(), 1)
"""
INSERT_EVIDENCE = """
    INSERT INTO app.evidence
           (tenant_id, evidence_id, story_id, project_id, source, form, sha256, size, commit_sha, status, tests, passed,
            failed, errors, skipped, flags, criteria, failed_tests, signatures, claim_position, iteration, current,
            created_at, position)
    VALUES ($1, gen_random_uuid(), $2::uuid, $2::uuid, $3, 'junit', '', 1, '9', $4, 1, 1, 0, 0, 0, '{}', '{}', '{}', 0,
            $5, $6, $7, now(), $8)
"""
INSERT_DISPATCH = """
    INSERT INTO app.dispatch
    VALUES ($1, $2::uuid, NULL, $3, NULL, 'orchestrator', ARRAY[$2::uuid], '{}', false, $2::uuid, now(),
            'infinity', NULL, 1)
    ON CONFLICT DO NOTHING
"""


class Stands(Exception):
    """A story that waits for nobody, or for somebody who cannot get it on."""


class Seen(Struct, frozen=True):
    """``story`` as the database has it, under an id of its own; ``now`` is the time of its tenant's clock."""

    tenant: Tenant
    story: Story
    text: StoryText
    run: LastRun | None
    evidence: Standing
    now: Any


class Watcher(Machine):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.seen: dict[Any, Seen] = {}

    def _watch(self, tenant: Tenant, person: Person | None, attempt: Attempt) -> None:
        super()._watch(tenant, person, attempt)
        self.look(tenant, attempt.story_id)

    def look(self, tenant: Tenant, story_id: UUID) -> None:
        """Each kind of state once: what the query or a decision could tell apart."""
        story, run = tenant.stories[story_id], tenant.runs.get(story_id)
        evidence = tenant.evidence.get(story_id, Standing())
        kind = (
            tenant.number, story.agent_status, story.verified_status, story.lease_expires_at is None,
            story.review_requested_at is None, story.report_position is None, story.review_position is None,
            (story.review_position or 0) > (story.report_position or 0), story.criteria_changed_after_contract,
            story.verifier_dispatch_id, story.assigned_agent_id, story.contracted_by_agent_id, run and run.status,
            run and run.report_position == story.report_position, len(story.worked_agents),
            *((each.status, each.current, is_of_this_round(story, each)) if each else None
              for each in (evidence.newest, evidence.by_ci)),
        )  # fmt: skip
        self.seen.setdefault(kind, Seen(tenant, story, tenant.texts[story_id], run, evidence, tenant.now))

    def rows(self) -> dict[UUID, Seen]:
        found = {}
        for number, each in enumerate(self.seen.values()):
            id_ = UUID(int=10**33 + number)
            place: dict[str, Any] = {
                "story_id": id_, "project_id": project_of(each.tenant), "epic_id": epic_of(each.tenant),
                "number": f"{number // 10_000}.{number % 10_000}",
            }  # fmt: skip
            found[id_] = structs.replace(each, story=structs.replace(each.story, **place))
        return found


def project_of(tenant: Tenant) -> UUID:
    return UUID(int=10**34 + tenant.number)


def epic_of(tenant: Tenant) -> UUID:
    return UUID(int=10**35 + tenant.number)


async def check(database: TestDatabase, machine: Watcher) -> Counter[str]:
    """How often each reason stands. Raises Stands."""
    rows, found = machine.rows(), Counter[str]()
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(TENANT))
        # States without the log that they came from: which event has confirmed one cannot be looked up here.
        await connection.execute("ALTER TABLE app.story DISABLE TRIGGER USER")
        tx = TenantTx(connection, TENANT)  # type: ignore[arg-type]  # a plain connection does as well
        await _put(tx, rows)
        for tenant in machine._tenants:
            only = WaitingFilter(project_id=project_of(tenant))
            page = await list_waiting(tx, only, tenant.settings, tenant.now, (len(rows), 0))
            waiting = {row["story_id"]: row for row in page.rows}
            for id_, each in rows.items():
                if each.tenant is tenant:
                    found[_checked(each, waiting.get(id_))] += 1
    return found


async def _put(tx: TenantTx, rows: Mapping[UUID, Seen]) -> None:
    await tx.execute(REPLACE_ROWS, tx.tenant_id, msgspec.json.encode([each.story for each in rows.values()]).decode())
    for tenant in {id(each.tenant): each.tenant for each in rows.values()}.values():
        of = sum(each.tenant is tenant for each in rows.values())
        await tx.execute(INSERT_PROGRESS, tx.tenant_id, epic_of(tenant), [project_of(tenant)], [of])
        for person in tenant.people:
            await tx.execute(INSERT_DISPATCH, tx.tenant_id, person.chain[-1], person.agent)
    for id_, each in rows.items():
        if each.run is not None:
            await tx.execute(INSERT_RUN, tx.tenant_id, id_, each.run.status, each.run.report_position)
        for place, kept in enumerate((each.evidence.by_ci, each.evidence.newest)):
            if kept is not None:
                await tx.execute(
                    INSERT_EVIDENCE, tx.tenant_id, id_, kept.source, kept.status, kept.claim_position, kept.iteration,
                    kept.current, place,
                )  # fmt: skip


def _checked(each: Seen, row: Any) -> str:
    """Why it waits, or where else it is."""
    story = each.story
    if row is None:
        return _elsewhere(story)
    if story.verified_status == "verified" or story.agent_status == "pending":
        raise Stands(f"{story} is done or in a queue, and waits as {row['why']}")
    need = NEEDS[row["why"]]
    tenant = each.tenant
    tenant.now = each.now
    tenant.stories, tenant.texts, tenant.runs = {story.story_id: story}, {story.story_id: each.text}, {}
    tenant.runs[story.story_id], tenant.evidence = each.run, {story.story_id: each.evidence}
    wants_ci = need.action == "post_evidence" and tenant.settings.verification_gate == "ci"
    step = "ci-pass" if wants_ci else STEPS[need.action]
    if not any(_gets_on(tenant, person, step) for person in _able(tenant, need.role, row["agent_id"])):
        raise Stands(f"{story} waits as {row['why']}, and nobody of role {need.role} can {need.action}")
    return str(row["why"])


def _elsewhere(story: Story) -> str:
    if story.verified_status == "verified":
        return "verified"
    if story.agent_status == "pending":
        return "queue"
    if story.lease_expires_at is not None and expire_lease(story, story.lease_expires_at + timedelta(seconds=1)):
        return "lease"
    raise Stands(f"{story} is nowhere")


def _able(tenant: Tenant, role: str, only: UUID | None) -> list[Person]:
    """With one who has never touched anything: where all others have, another can be dispatched. The machine looks at
    no roles, so that whoever holds a story may have any."""
    if only is not None:
        return [each for each in tenant.people if each.agent == only]
    outside, key = UUID(int=10**36), UUID(int=10**36 + 1)
    newcomer = Person("newcomer", role, outside, (key,), agent_type=KINDS[role])
    return [each for each in (*tenant.people, newcomer) if each.role == role and each.agent]


def _gets_on(tenant: Tenant, person: Person, path: str) -> bool:
    """The machine says a wrong fencing token now and then, so it is asked more than once."""
    (story_id,) = tenant.stories
    return any(_takes(tenant, person, path, story_id) for _ in range(20))


def _takes(tenant: Tenant, person: Person, path: str, story_id: UUID) -> bool:
    with suppress(Rejected):
        transition = tenant._single(path, story_id)
        asked = tenant.asked(person, story_id)
        transition.check(asked.who)
        events = transition.decide(asked)
        return bool(events) or path.endswith("_cap")
    return False


async def checked(url: str, machine: Watcher) -> Counter[str]:
    async with created_database(url) as database:
        await bootstrap(database.admin_url, PASSWORDS)
        await migrate(database.migrator_url)
        return await check(database, machine)


def main(arguments: list[str]) -> int:
    steps = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    machine = Watcher(seed)
    machine.run(steps)
    try:
        with tempfile.TemporaryDirectory() as folder, own_postgres(Path(folder)) as url:
            found = asyncio.run(checked(url, machine))
    except Stands as stands:
        print(f"seed {seed}: STANDS: {stands}")
        return 1
    print(f"seed {seed}: {steps} steps, {len(machine.seen)} kinds of states, none stands in no queue")
    print("  " + ", ".join(f"{why} {count}" for why, count in sorted(found.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
