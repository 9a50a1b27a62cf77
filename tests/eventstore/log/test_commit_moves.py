"""The call that writes a batch of transitions, past our code: whose rows it touches, and whose it does not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from domain.story import Story
from eventstore.database.transaction import Database
from projections.look_up import look_up
from projections.moves import COMMIT
from projections.rows.stories import REPLACE_ROWS
from tests.support.database import TestDatabase, connected

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
APPENDED = (0, [], [], [], [], b"", *([[]] * 13), NOON, [])
"""Nothing, to an empty log."""
MOVED: tuple[Any, ...] = (*([[]] * 7), *([None] * 12))
STORIES = 7
"""Place of the stories in MOVED."""

WHAT_IS_BOUND = "SELECT current_setting('app.tenant', true) AS tenant"
SHOWN = "SELECT tenant_id, title, agent_status FROM app.story WHERE tenant_id = $1 AND story_id = $2"


@pytest.fixture
async def app(log_database: TestDatabase) -> AsyncIterator[Database]:
    """With one connection, so that what stays on it is seen."""
    opened = await connected(log_database.app_url, role="loopctl_app", max_size=1)
    yield opened
    await opened.close()


@pytest.fixture
async def other(app: Database) -> UUID:
    return await opened_log(app)


async def opened_log(app: Database) -> UUID:
    tenant = uuid4()
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    return tenant


def story(id_: UUID, title: str = "a story") -> Story:
    return Story(
        story_id=id_, project_id=uuid4(), epic_id=uuid4(), number="1", major=1, minor=0, title=title, ac_count=0,
        criteria_hash="0", estimated_hours=None, created_at=NOON, updated_at=NOON, position=0,
    )  # fmt: skip


def moved(*rows: dict[str, Any]) -> tuple[Any, ...]:
    return (*MOVED[:STORIES], msgspec.json.encode(rows).decode(), *MOVED[STORIES + 1 :])


async def stored(app: Database, tenant: UUID, id_: UUID) -> asyncpg.Record | None:
    async with app.tenant_transaction(tenant) as tx:
        return await tx.fetchrow(SHOWN, tenant, id_)


async def has_story(app: Database, tenant: UUID, id_: UUID) -> None:
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(REPLACE_ROWS, tenant, msgspec.json.encode([story(id_)]).decode())


async def test_a_story_is_moved_and_the_tenant_is_bound_no_longer_than_the_call(app: Database, tenant: UUID) -> None:
    id_ = uuid4()
    await has_story(app, tenant, id_)
    row = msgspec.to_builtins(msgspec.structs.replace(story(id_, "another"), agent_status="contracted"))
    await app.call(COMMIT, tenant, *APPENDED, *moved(row))
    found = await stored(app, tenant, id_)
    assert found is not None
    assert (found["title"], found["agent_status"]) == ("a story", "contracted")  # no transition gives it a title
    bound = await app.ask(WHAT_IS_BOUND)
    assert bound is not None
    assert not bound["tenant"]


async def test_a_row_that_names_another_tenant_does_not_get_there(app: Database, tenant: UUID, other: UUID) -> None:
    """It is the calling tenant's, whatever it says of itself; the other's story of the same id stays as it is."""
    id_ = uuid4()
    await has_story(app, other, id_)
    row = msgspec.to_builtins(msgspec.structs.replace(story(id_), agent_status="contracted"))
    await app.call(COMMIT, tenant, *APPENDED, *moved({**row, "tenant_id": str(other)}))
    theirs, ours = await stored(app, other, id_), await stored(app, tenant, id_)
    assert theirs is not None
    assert ours is not None
    assert (theirs["agent_status"], ours["agent_status"]) == ("pending", "contracted")


AT_ITS_WORD = "INSERT INTO app.story SELECT * FROM json_populate_recordset(NULL::app.story, $1::json)"


async def test_taken_at_its_word_the_row_is_refused_by_row_security(app: Database, tenant: UUID, other: UUID) -> None:
    """The control: a statement in which the JSON says whose a row is."""
    row = msgspec.json.encode([{**msgspec.to_builtins(story(uuid4())), "tenant_id": str(other)}]).decode()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.run_to_end(tenant, lambda tx: tx.execute(AT_ITS_WORD, row))


async def test_who_is_bound_to_one_tenant_cannot_call_for_another(app: Database, tenant: UUID, other: UUID) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="another tenant is bound"):
        async with app.tenant_transaction(tenant) as tx:
            await tx.execute(COMMIT, other, *APPENDED, *MOVED)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="none is given"):
        await app.call(COMMIT, None, *APPENDED, *MOVED)


async def test_a_look_finds_nothing_of_another_tenant(app: Database, tenant: UUID, other: UUID) -> None:
    id_ = uuid4()
    await has_story(app, other, id_)
    asked = {"story": [id_], "tenant": [other], "prerequisites": [id_], "epic_standing": [id_]}
    assert (await look_up(app, tenant, asked, [id_])).states == {}
    assert list((await look_up(app, other, asked, [id_])).states["story"]) == [id_]


async def test_another_size_than_the_heads_moves_nothing(app: Database, tenant: UUID) -> None:
    id_ = uuid4()
    await has_story(app, tenant, id_)
    row = msgspec.to_builtins(msgspec.structs.replace(story(id_), agent_status="contracted"))
    with pytest.raises(asyncpg.PostgresError, match="the head has moved"):
        await app.call(COMMIT, tenant, 1, *APPENDED[1:], *moved(row))
    found = await stored(app, tenant, id_)
    assert found is not None
    assert found["agent_status"] == "pending"
