"""Stamps of keys and agents: there within seconds, once a minute, and nobody's request waits for them."""

from api.last_seen import EVERY_SECONDS, LastSeen
from eventstore.database.unavailable import DatabaseUnavailable
from tests.api.logs import NOON, call, noon, service, tenant_with_key
from tests.support.database import TestDatabase

REGISTER = "/api/v1/agents/register"


async def test_a_key_and_its_agent_are_stamped_once_a_minute(database: TestDatabase) -> None:
    now = [0.0]
    writes = 0
    async with service(database) as opened:
        writing = opened.store.database.tenant_transaction

        def counted(tenant_id: object) -> object:
            nonlocal writes
            writes += 1
            return writing(tenant_id)  # type: ignore[arg-type]  # a tenant

        last_seen = LastSeen(counted, lambda: now[0], noon)  # type: ignore[arg-type]  # counted on its way
        async with service(database, note_caller=last_seen.note) as running:
            tenant, raw = await tenant_with_key(running.store)
            made = (await call(running.app, raw, "/api/v1/api_keys", "POST", {"name": "w", "role": "agent"})).json()
            worker = made["api_key"]["raw_key"]
            body = {"name": "w", "agent_type": "implementer"}
            agent = (await call(running.app, worker, REGISTER, "POST", body)).json()["agent"]["id"]
            now[0] += EVERY_SECONDS
            await call(running.app, worker, "/api/v1/tenants/me")
            await last_seen.flush()
            for _ in range(5):
                await call(running.app, worker, "/api/v1/tenants/me")
                await last_seen.flush()
            assert writes == 1, "both keys of one tenant in one transaction, and nothing after it for a minute"
            keys = (await call(running.app, raw, "/api/v1/api_keys")).json()["api_keys"]
            assert {key["last_used_at"] for key in keys} == {"2026-03-27T12:00:00.000000Z"}
            now[0] += EVERY_SECONDS
            await call(running.app, worker, "/api/v1/tenants/me")
            await last_seen.flush()
            assert writes == 2
            async with running.store.database.tenant_transaction(tenant) as tx:
                seen = {str(row["seen_id"]) for row in await tx.fetch("SELECT seen_id FROM app.last_seen")}
    assert agent in seen


async def test_without_a_database_stamps_are_given_up(database: TestDatabase) -> None:
    def lost(_: object) -> object:
        raise DatabaseUnavailable("lost")

    async with service(database) as running:
        _, raw = await tenant_with_key(running.store)
        caller = await running.callers.find(raw, NOON)
    last_seen = LastSeen(lost, lambda: 0.0, noon)  # type: ignore[arg-type]  # it raises
    last_seen.note(caller)
    await last_seen.flush()
    assert last_seen._waiting == {}
