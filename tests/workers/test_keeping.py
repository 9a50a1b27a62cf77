"""What is forgotten by the clock: reports of usage and anomalies after as many days as the tenant keeps them, answers
to repetitions after one (spec 02, sections 3.8, 10.1 and 10.8)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from eventstore.database.transaction import TenantTx
from projections.inline import PROJECTIONS
from projections.rebuild import rebuild
from tests.api.logs import NOON
from tests.eventstore.writing import CODEC
from tests.support.database import TestDatabase, session
from tests.workers.test_watch_costs import Watched, costly, database, here, log_of_module
from workers.actors import Timing, Tools
from workers.jobs import archive_token_data, purge_article_reads, purge_idempotency

__all__ = ["database", "here", "log_of_module"]

SUNDAY = datetime(2026, 5, 3, 3, tzinfo=UTC)
"""37 days after NOON."""


async def keeps(here: Watched, days: int | None) -> None:
    answer = await here.user.patch("/tenants/me", {"token_data_retention_days": days})
    assert answer.status == 200, answer.body


async def listed(here: Watched, number: str = "1.4") -> tuple[int, int]:
    """How many reports of a story are shown, and what all have cost."""
    answer = (await here.user.get(f"/stories/{here.loop.stories[number]}/token-usage")).json()
    assert len(answer["data"]) == answer["meta"]["total_count"]
    return len(answer["data"]), answer["totals"]["total_cost_millicents"]


async def archivals(here: Watched) -> list[dict[str, int]]:
    entries = (await here.user.get("/changes?after=-1&entity_type=token_data_archival")).json()["data"]
    return [entry["new_state"] for entry in entries]


async def sunday(here: Watched, at: datetime = SUNDAY) -> None:
    await here.looks(archive_token_data.JOB, at)
    await here.takes()


async def test_reports_and_anomalies_go_after_as_many_days_as_the_tenant_keeps_them_and_sums_stay(
    here: Watched,
) -> None:
    await costly(here)
    await here.nightly()
    (anomaly,) = await here.anomalies()
    await keeps(here, 30)
    await sunday(here)
    assert await listed(here) == (0, 100_000)
    assert await here.anomalies() == []
    assert [each["id"] for each in await here.anomalies(include_archived="true")] == [anomaly["id"]]
    (told,) = await archivals(here)
    assert (told["retention_days"], told["reports_soft_deleted"], told["anomalies_archived"]) == (30, 4, 1)


@pytest.mark.parametrize("days", [None, 60])
async def test_nothing_goes_that_is_to_be_kept(here: Watched, days: int | None) -> None:
    await costly(here)
    if days:
        await keeps(here, days)
    await sunday(here)
    assert (await listed(here), await archivals(here)) == ((1, 100_000), [])


async def test_it_is_done_once_for_each_week_however_often_it_is_looked_at(here: Watched) -> None:
    await costly(here)
    await keeps(here, 30)
    for minutes in (0, 1, 2):
        await here.looks(archive_token_data.JOB, SUNDAY + timedelta(minutes=minutes))
    await here.takes()
    await sunday(here, SUNDAY + timedelta(days=7))
    assert len(await archivals(here)) == 1


async def test_a_report_that_is_gone_can_be_neither_corrected_nor_deleted(here: Watched) -> None:
    """Also by a process that has known it before."""
    report = await here.spend("1.1", 10)
    difference = {"input_tokens": 0, "output_tokens": 0, "cost_millicents": 1}
    assert (await here.user.post(f"/token-usage/{report}/correction", difference)).status == 201
    await keeps(here, 30)
    await sunday(here)
    assert (await here.user.post(f"/token-usage/{report}/correction", difference)).status == 404
    assert (await here.user.delete(f"/token-usage/{report}")).status == 404


async def test_old_costs_make_no_room_in_a_budget(here: Watched) -> None:
    limit = {"scope_type": "project", "scope_id": here.loop.project, "budget_millicents": 120_000}
    made = (await here.user.post("/token-budgets", limit)).json()["token_budget"]["id"]
    await costly(here)
    await keeps(here, 30)
    await sunday(here)
    shown = (await here.user.get(f"/token-budgets/{made}")).json()["token_budget"]
    assert shown["current_spend_millicents"] == 130_000


async def test_a_rebuild_comes_to_the_same_rows(here: Watched, database: TestDatabase) -> None:
    await costly(here)
    await here.nightly()
    await keeps(here, 30)
    await sunday(here)
    await here.spend("1.1", 5)
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(here.user.tenant))
        tx = TenantTx(connection, here.user.tenant)  # type: ignore[arg-type]  # a plain connection does as well
        for projection in PROJECTIONS:
            if projection.name in ("token_usage", "cost_anomaly", "token_data"):
                for table in await rebuild(tx, CODEC, projection):
                    assert (table.table, table.unexplained, table.missing) == (table.table, 0, 0)


async def test_answers_to_repetitions_are_kept_for_a_day(here: Watched) -> None:
    body = {"model_name": "m", "input_tokens": 1, "output_tokens": 0, "story_id": here.loop.stories["1.1"]}
    for key in ("old", "young"):
        answer = await here.loop.team.implementer.post("/token-usage", body, Idempotency_Key=key)
        assert answer.status == 201, answer.body
    aged = (
        "UPDATE app.idempotency SET created_at = now() - interval '{}' WHERE key = '{}' AND tenant_id = '{}'"
    )  # fmt: skip
    for key, age in (("old", "25 hours"), ("young", "23 hours")):
        await here.schedule.administer(aged.format(age, key, UUID(str(here.user.tenant))))
    await here.looks(purge_idempotency.JOB, NOON)
    tools = Tools(here.schedule.database, Timing())
    await purge_idempotency.purge_each(tools)
    again = await here.loop.team.implementer.post("/token-usage", body, Idempotency_Key="young")
    assert again.headers.get("idempotent-replayed") == "true"
    anew = await here.loop.team.implementer.post("/token-usage", body, Idempotency_Key="old")
    assert anew.headers.get("idempotent-replayed") is None


async def test_who_read_what_is_forgotten_after_four_hundred_days(here: Watched) -> None:
    insert = (
        "INSERT INTO app.article_access (tenant_id, access_id, article_id, key_id, access_type, accessed_at) "
        "VALUES ('{}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'get', now() - interval '{} days')"
    )
    for days in (401, 399):
        await here.schedule.administer(insert.format(UUID(str(here.user.tenant)), days))
    tools = Tools(here.schedule.database, Timing())
    assert await purge_article_reads.purge_each(tools) == 1
    assert await purge_article_reads.purge_each(tools) == 0
