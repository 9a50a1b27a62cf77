"""A read model made again from the log is the one that was there, and says when it is not."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.event import JsonText, Recorded, Stream
from domain.key import ApiKeyCreated
from domain.project import ProjectArchived, ProjectCreated, ProjectUpdated
from domain.tenant import TenantCreated
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.command import Change
from eventstore.log.founding import create_tenant_log
from eventstore.log.lane import Writer
from eventstore.log.read import LogIncomplete, read_events, read_picked, read_stream
from projections.inline import INLINE, MODELS, PROJECTIONS
from projections.rebuild import Rebuilt, rebuild
from projections.rows.projects import PROJECTS
from tests.eventstore.writing import CODEC, changing, new_project, store
from tests.support.database import TestDatabase, connected, session

TAKE_AWAY = """
    WITH gone AS (DELETE FROM app.log_entry WHERE tenant_id = $1 AND position BETWEEN $2 AND $3 RETURNING *)
    INSERT INTO kept SELECT * FROM gone
"""


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(app: Database) -> UUID:
    """With a log that touches every read model, beside another tenant that must not matter."""
    for tenant_id, slug in ((uuid4(), "other"), (uuid4(), "acme")):
        whole = msgspec.structs.replace(store(app), projections=INLINE)
        created = TenantCreated(name="Acme", slug=slug, root_of_trust="operator")
        key = ApiKeyCreated(name="admin", role="user", key_prefix="lc_abcde")
        changes = [Change(Stream("tenant", tenant_id), created), Change(Stream("api_key", uuid4()), key)]
        await create_tenant_log(whole, tenant_id, ("test",), changes, [])
        for number in range(5):
            await Writer(whole).submit(tenant_id, new_project(f"project-{number}"))
    return tenant_id


async def rebuilt(database: TestDatabase, tenant: UUID, as_if: UUID | None = None) -> list[Rebuilt]:
    """``as_if``: in a transaction whose setting is another tenant's."""
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(as_if or tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well as a pooled one
        return [each for projection in PROJECTIONS for each in await rebuild(tx, CODEC, projection)]


async def test_every_read_model_equals_its_rebuild(database: TestDatabase, tenant: UUID) -> None:
    found = await rebuilt(database, tenant)
    assert [each.table for each in found if not each.was_equal] == []
    assert {each.table: each.rows for each in found if each.rows} == {
        "app.tenant": 1,
        "app.api_key": 1,
        "app.project": 5,
        "app.audit_index": 7,
    }


async def test_what_is_taken_in_by_runs_is_what_the_log_comes_to(
    app: Database, database: TestDatabase, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an import is. Went red while the second run began from what was before the first."""
    monkeypatch.setattr("eventstore.log.lane.LONGEST_RUN", 1)
    lengths: list[int] = []

    async def seen(_: TenantTx, recorded: Sequence[Recorded]) -> None:
        lengths.append(len(recorded))

    writer = Writer(msgspec.structs.replace(store(app), models=MODELS, projections=(*INLINE, seen)))
    project = Stream("project", uuid4())
    first = ProjectCreated(name="before", slug="runs", metadata=JsonText("{}"))
    renamed = ProjectUpdated(name_was="before", status_was="active", name="after")
    placed = ProjectUpdated(name_was="after", status_was="active", repo_url="https://git.example")
    await writer.submit(tenant, changing(Change(project, first)))
    both = [Change(project, renamed), Change(project, placed)]
    known = msgspec.structs.replace(changing(both[0]), needs=(PROJECTS.need(project.id),), decide=lambda _: both)
    await writer.submit(tenant, known)
    assert lengths == [1, 1, 1]
    assert all(each.was_equal for each in await rebuilt(database, tenant))


@pytest.mark.parametrize(
    ("statement", "unexplained", "missing"),
    [
        ("UPDATE app.project SET name = 'other' WHERE slug = 'project-1'", 1, 1),
        ("DELETE FROM app.project WHERE slug = 'project-1'", 0, 1),
        ("UPDATE app.project SET project_id = gen_random_uuid() WHERE slug = 'project-1'", 1, 1),
    ],
)
async def test_a_row_altered_by_hand_is_noticed_and_mended(
    database: TestDatabase, tenant: UUID, statement: str, unexplained: int, missing: int
) -> None:
    async with session(database.admin_url) as connection:
        await connection.execute(f"{statement} AND tenant_id = '{tenant}'")
    found = {each.table: each for each in await rebuilt(database, tenant)}
    assert (found["app.project"].unexplained, found["app.project"].missing) == (unexplained, missing)
    assert all(each.was_equal for each in await rebuilt(database, tenant))


async def test_nothing_is_rebuilt_where_the_tenants_setting_does_not_reach_the_log(
    database: TestDatabase, tenant: UUID
) -> None:
    """Went red while a log that showed no entry counted as one that has none: every read model was emptied."""
    with pytest.raises(LogIncomplete):
        await rebuilt(database, tenant, as_if=uuid4())
    assert all(each.was_equal for each in await rebuilt(database, tenant))


@pytest.mark.parametrize("gone", [(6, 6), (3, 3), (0, 6)], ids=["the last entry", "one in between", "every entry"])
async def test_nothing_is_rebuilt_from_a_part_of_a_log(
    database: TestDatabase, tenant: UUID, gone: tuple[int, int]
) -> None:
    """Went red while the rows of what was still there replaced those of all of it. Put back, the same log passes."""
    async with session(database.admin_url) as connection:
        await connection.execute("ALTER TABLE app.log_entry DISABLE TRIGGER ALL")
        await connection.execute("CREATE TABLE kept (LIKE app.log_entry)")
        await connection.execute(TAKE_AWAY, tenant, *gone)
        with pytest.raises(LogIncomplete):
            await rebuilt(database, tenant)
        await connection.execute("INSERT INTO app.log_entry SELECT * FROM kept")
        await connection.execute("DROP TABLE kept")
    assert all(each.was_equal for each in await rebuilt(database, tenant))


async def test_no_reader_of_the_log_skips_an_entry_that_is_gone(
    app: Database, database: TestDatabase, tenant: UUID
) -> None:
    """Followers, a story as it was, the audit trail. Went red while each of them took what it got for all there is."""
    async with app.tenant_transaction(tenant) as tx:
        before = await read_events(tx, CODEC, 0, 500)
        assert len(before) == 7
    async with session(database.admin_url) as connection:
        await connection.execute("ALTER TABLE app.log_entry DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM app.log_entry WHERE tenant_id = $1 AND position = 3", tenant)
    async with app.tenant_transaction(tenant) as tx:
        assert len(await read_events(tx, CODEC, 0, 3)) == 3
        for reading in (
            read_events(tx, CODEC, 2, 500),
            read_events(tx, CODEC, 3, 500),
            read_picked(tx, CODEC, [2, 3, 4]),
        ):
            with pytest.raises(LogIncomplete):
                await reading


async def test_a_stream_is_read_whole_or_not_at_all(app: Database, database: TestDatabase, tenant: UUID) -> None:
    """Went red while what was left of a stream was folded into a state that never was."""
    async with app.tenant_transaction(tenant) as tx:
        project = (await read_events(tx, CODEC, 4, 1))[0].stream
    archived = Change(project, ProjectArchived(status_was="active"))
    await Writer(msgspec.structs.replace(store(app), projections=INLINE)).submit(tenant, changing(archived))
    async with app.tenant_transaction(tenant) as tx:
        assert [each.version for each in await read_stream(tx, CODEC, project.id, 7)] == [0, 1]
    async with session(database.admin_url) as connection:
        await connection.execute("ALTER TABLE app.log_entry DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM app.log_entry WHERE tenant_id = $1 AND position = 4", tenant)
    async with app.tenant_transaction(tenant) as tx:
        with pytest.raises(LogIncomplete):
            await read_stream(tx, CODEC, project.id, 7)
