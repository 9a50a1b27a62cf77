"""A read model made again from the log is the one that was there, and says when it is not."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.event import Stream
from domain.key import ApiKeyCreated
from domain.tenant import TenantCreated
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.command import Change
from eventstore.log.founding import create_tenant_log
from eventstore.log.writer import Writer
from projections.inline import INLINE, PROJECTIONS
from projections.rebuild import Rebuilt, rebuild
from tests.eventstore.writing import CODEC, new_project, store
from tests.support.database import TestDatabase, session


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await Database.connect(database.app_url, role="loopctl_app")
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


async def rebuilt(database: TestDatabase, tenant: UUID) -> list[Rebuilt]:
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
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
