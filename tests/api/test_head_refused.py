"""The API signs heads when it is asked for one, and must not contradict what was signed any more than the worker."""

from pathlib import Path

from eventstore.heads.last_signed import FileLastSigned, LastSigned
from tests.api.asgi import Answer, ask
from tests.api.logs import Service, create, service, tenant_with_key
from tests.eventstore.tampering import put_back
from tests.support.database import TestDatabase, connected

ANOTHER = {"name": "Another", "slug": "another"}


async def receipt_after_put_back(database: TestDatabase, last_signed: LastSigned | None) -> Answer:
    """A head of three entries is signed; the database goes back to two and gets another third one."""
    async with service(database, last_signed) as running:
        tenant, raw = await tenant_with_key(running.store)
        await create(running.app, raw)
        assert (await receipt(running, raw)).status == 200
        app = await connected(database.app_url, role="loopctl_app", max_size=2)
        await put_back(database, app, tenant, 2, heads_too=True)
        await app.close()
    async with service(database, last_signed) as restarted:
        await create(restarted.app, raw, ANOTHER)
        return await receipt(restarted, raw)


async def receipt(running: Service, raw: str) -> Answer:
    return await ask(running.app, "/api/v1/audit/receipts/2", headers={"Authorization": f"Bearer {raw}"})


async def test_over_a_database_that_was_put_back_no_receipt_is_given(database: TestDatabase, tmp_path: Path) -> None:
    answer = await receipt_after_put_back(database, FileLastSigned(tmp_path))
    assert (answer.status, answer.json()["error"]["code"]) == (503, "head_refused")


async def test_who_remembers_nothing_outside_the_database_would_give_one(database: TestDatabase) -> None:
    """The control."""
    assert (await receipt_after_put_back(database, None)).status == 200
