"""/api/v1/dispatches: who may mint what below whom, for how long, and what a revocation ends."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Struct

from tests.api.logs import NOON, Service, service
from tests.api.superadmins import superadmin
from tests.api.team import key, worker
from tests.api.work import Client, client, nobody
from tests.support.database import TestDatabase

NEWEST = "SELECT entry FROM app.log_entry WHERE tenant_id = $1 ORDER BY position DESC LIMIT 1"


class Crew(Struct, frozen=True):
    """``lead`` is a long-lived orchestrator's key."""

    user: Client
    lead: Client
    agents: dict[str, str]


@pytest.fixture
async def crew(served: Service) -> Crew:
    user = await client(served)
    agents: dict[str, str] = {}
    for name, kind in (("ann", "implementer"), ("lea", "orchestrator"), ("leo", "orchestrator")):
        await worker(user, name, agents, kind)
        (listed,) = [
            each
            for each in (await user.get("/api_keys?page_size=100")).json()["data"]
            if each["agent_id"] == agents[name]
        ]
        assert (await user.delete(f"/api_keys/{listed['id']}")).status == 200
    return Crew(user, await key(user, "orchestrator", agents["lea"]), agents)


async def minted(who: Client, role: str = "agent", **body: Any) -> Mapping[str, Any]:
    answer = await who.post("/dispatches", {"role": role, **body})
    assert answer.status == 201, answer.body
    made: Mapping[str, Any] = answer.json()["data"]
    return made


def as_dispatched(who: Client, made: Mapping[str, Any]) -> Client:
    return Client(who.service, who.tenant, made["api_key"]["raw_key"])


async def test_a_person_s_dispatch_is_a_root_and_its_key_works(crew: Crew) -> None:
    made = await minted(crew.user, agent_id=crew.agents["ann"])
    dispatch = made["dispatch"]
    assert dispatch["lineage_path"] == [dispatch["id"]]
    assert dispatch["human_root"] is True
    assert dispatch["parent_dispatch_id"] is None
    assert made["api_key"]["role"] == "agent"
    assert (await as_dispatched(crew.user, made).get("/tenants/me")).status == 200
    assert (await crew.user.get(f"/dispatches/{dispatch['id']}")).json()["data"] == dispatch


async def test_a_long_lived_key_is_the_root_of_what_it_mints(crew: Crew) -> None:
    me = (await crew.lead.get("/tenants/me")).json()["api_key"]["id"]
    dispatch = (await minted(crew.lead, agent_id=crew.agents["ann"]))["dispatch"]
    assert dispatch["lineage_path"] == [me, dispatch["id"]]
    assert dispatch["human_root"] is False


async def test_who_was_dispatched_mints_below_its_own_dispatch_and_nowhere_else(crew: Crew) -> None:
    root = await minted(crew.user, "orchestrator", agent_id=crew.agents["leo"])
    other = await minted(crew.user)
    session = as_dispatched(crew.user, root)
    child = (await minted(session, agent_id=crew.agents["ann"]))["dispatch"]
    assert child["lineage_path"] == [root["dispatch"]["id"], child["id"]]
    assert child["parent_dispatch_id"] == root["dispatch"]["id"]
    grafted = await session.post("/dispatches", {"role": "agent", "parent_dispatch_id": other["dispatch"]["id"]})
    assert (grafted.status, grafted.json()["error"]["code"]) == (403, "foreign_parent_dispatch")
    below = await crew.lead.post("/dispatches", {"role": "agent", "parent_dispatch_id": other["dispatch"]["id"]})
    assert (below.status, below.json()["error"]["code"]) == (403, "foreign_parent_dispatch")


@pytest.mark.parametrize("role", ["user", "superadmin", "", "boss"])
async def test_nobody_is_dispatched_as_a_person(crew: Crew, role: str) -> None:
    for who in (crew.user, crew.lead):
        answer = await who.post("/dispatches", {"role": role})
        assert answer.status == 422
        assert "role" in answer.json()["error"]["details"]


async def test_a_dispatch_has_at_most_the_role_of_the_one_above(crew: Crew) -> None:
    above = (await minted(crew.user))["dispatch"]["id"]
    body = {"role": "orchestrator", "agent_id": crew.agents["leo"], "parent_dispatch_id": above}
    answer = await crew.user.post("/dispatches", body)
    assert (answer.status, answer.json()["error"]["code"]) == (403, "dispatch_exceeds_parent")
    agent = as_dispatched(crew.user, await minted(crew.user, agent_id=crew.agents["ann"]))
    assert (await agent.post("/dispatches", {"role": "agent"})).status == 403


@pytest.mark.parametrize(("asked", "seconds"), [(None, 3600), (1, 60), (-5, 60), (600, 600), (10**9, 14_400)])
async def test_a_dispatch_lasts_from_a_minute_to_four_hours(crew: Crew, asked: int | None, seconds: int) -> None:
    body: dict[str, Any] = {} if asked is None else {"expires_in_seconds": asked}
    dispatch = (await minted(crew.user, **body))["dispatch"]
    assert dispatch["expires_at"] == (NOON + timedelta(seconds=seconds)).isoformat(timespec="microseconds")[:26] + "Z"


async def test_a_dispatch_ends_with_the_one_above_and_with_the_key_that_made_it(crew: Crew) -> None:
    short = await minted(crew.user, "orchestrator", agent_id=crew.agents["leo"], expires_in_seconds=120)
    child = await minted(as_dispatched(crew.user, short), expires_in_seconds=3600)
    assert child["dispatch"]["expires_at"] == short["dispatch"]["expires_at"]


async def test_a_dispatched_key_ends_by_itself_and_then_nothing_is_minted_below(log_of_module: TestDatabase) -> None:
    now = NOON
    async with service(log_of_module, utc_now=lambda: now) as running:
        user = await client(running)
        made = await minted(user, expires_in_seconds=60)
        dispatched = as_dispatched(user, made)
        assert (await dispatched.get("/tenants/me")).status == 200
        now = NOON + timedelta(seconds=60)
        assert (await dispatched.post("/agents/register", {"name": "late"})).status == 401
        answer = await user.post("/dispatches", {"role": "agent", "parent_dispatch_id": made["dispatch"]["id"]})
        assert (answer.status, answer.json()["error"]["code"]) == (403, "parent_dispatch_expired")
        assert (await user.get("/dispatches?active_only=true")).json()["data"] == []
        assert (await user.get("/dispatches")).json()["meta"]["total_count"] == 1


async def test_what_is_another_tenant_s_is_not_there(crew: Crew, bob: Client) -> None:
    foreign = (await minted(bob))["dispatch"]["id"]
    for who, field, id_ in (
        (bob, "agent_id", crew.agents["ann"]),
        (crew.user, "agent_id", nobody()),
        (crew.user, "story_id", nobody()),
    ):
        answer = await who.post("/dispatches", {"role": "agent", field: id_})
        assert (answer.status, answer.error["details"]) == (422, {field: ["does not exist"]})
    for id_ in (foreign, nobody()):
        answer = await crew.user.post("/dispatches", {"role": "agent", "parent_dispatch_id": id_})
        assert (answer.status, answer.error["message"]) == (404, "The parent dispatch was not found")
    assert (await crew.user.get(f"/dispatches/{foreign}")).status == 404
    assert (await crew.user.post(f"/dispatches/{foreign}/revoke")).status == 404


async def test_an_agent_has_one_live_key_of_a_role_dispatched_or_not(crew: Crew) -> None:
    await minted(crew.lead, agent_id=crew.agents["ann"])
    answer = await crew.lead.post("/dispatches", {"role": "agent", "agent_id": crew.agents["ann"]})
    assert answer.status == 422
    assert "agent_id" in answer.json()["error"]["details"]


async def test_an_orchestrator_s_dispatch_is_of_an_orchestrator(crew: Crew) -> None:
    answer = await crew.user.post("/dispatches", {"role": "orchestrator", "agent_id": crew.agents["ann"]})
    assert (answer.status, answer.json()["error"]["code"]) == (422, "orchestrator_agent_required")


async def test_a_revocation_is_one_event_and_ends_everything_below_with_the_next_request(crew: Crew) -> None:
    root = await minted(crew.user, "orchestrator", agent_id=crew.agents["leo"])
    session = as_dispatched(crew.user, root)
    child = await minted(session, agent_id=crew.agents["ann"])
    beside = await minted(crew.user)
    keys = [session, as_dispatched(crew.user, child)]
    for each in keys:
        assert (await each.get("/tenants/me")).status == 200
    before = len(await crew.user.recorded())
    answer = await crew.user.post(f"/dispatches/{root['dispatch']['id']}/revoke")
    assert answer.json() == {"data": {"revoked_count": 2}}
    assert [tag for tag, _ in (await crew.user.recorded())[before:]] == ["dispatch.revoked"]
    for each in keys:
        assert (await each.get("/tenants/me")).status == 401
    assert (await as_dispatched(crew.user, beside).get("/tenants/me")).status == 200
    again = await crew.user.post(f"/dispatches/{root['dispatch']['id']}/revoke")
    assert again.json() == {"data": {"revoked_count": 0}}
    shown = (await crew.user.get(f"/dispatches/{child['dispatch']['id']}")).json()["data"]
    assert shown["revoked_at"] is not None
    assert (await crew.lead.post("/dispatches", {"role": "agent", "agent_id": crew.agents["ann"]})).status == 201


async def test_a_write_that_follows_a_revocation_in_the_same_batch_is_refused(crew: Crew) -> None:
    """The lane knows the key from before; the revocation moves what it knows."""
    root = await minted(crew.user, "orchestrator", agent_id=crew.agents["leo"])
    session = as_dispatched(crew.user, root)
    assert (await session.post("/projects", {"name": "P", "slug": "p-1"})).status == 201
    await crew.user.post(f"/dispatches/{root['dispatch']['id']}/revoke")
    answer = await session.post("/projects", {"name": "P", "slug": "p-2"})
    assert answer.status == 401


async def test_who_is_above_may_revoke_and_who_is_beside_may_not(crew: Crew) -> None:
    mine = await minted(crew.lead, "orchestrator", agent_id=crew.agents["leo"])
    session = as_dispatched(crew.user, mine)
    below = await minted(session)
    others = await minted(crew.user)
    refused = await session.post(f"/dispatches/{others['dispatch']['id']}/revoke")
    assert (refused.status, refused.json()["error"]["code"]) == (403, "foreign_parent_dispatch")
    assert (await session.post(f"/dispatches/{below['dispatch']['id']}/revoke")).json()["data"]["revoked_count"] == 1
    assert (await crew.lead.post(f"/dispatches/{mine['dispatch']['id']}/revoke")).json()["data"]["revoked_count"] == 1


async def test_with_a_key_ends_what_was_dispatched_with_it(crew: Crew) -> None:
    made = await minted(crew.lead, "orchestrator", agent_id=crew.agents["leo"])
    session = as_dispatched(crew.user, made)
    below = as_dispatched(crew.user, await minted(session, agent_id=crew.agents["ann"]))
    assert (await crew.user.delete(f"/api_keys/{made['api_key']['id']}")).status == 200
    assert (await below.get("/tenants/me")).status == 401
    another = as_dispatched(crew.user, await minted(crew.lead, agent_id=crew.agents["ann"]))
    me = (await crew.lead.get("/tenants/me")).json()["api_key"]["id"]
    assert (await another.get("/tenants/me")).status == 200
    assert (await crew.user.delete(f"/api_keys/{me}")).status == 200
    assert (await another.get("/tenants/me")).status == 401


async def test_the_key_of_a_dispatch_is_not_rotated(crew: Crew) -> None:
    made = await minted(crew.user)
    answer = await crew.user.post(f"/api_keys/{made['api_key']['id']}/rotate")
    assert (answer.status, answer.json()["error"]["code"]) == (422, "rejected")


async def test_a_retry_gets_the_same_dispatch_and_the_same_key(crew: Crew) -> None:
    headers = {"Idempotency_Key": str(uuid4())}
    first, second = [await crew.lead.post("/dispatches", {"role": "agent"}, **headers) for _ in range(2)]
    assert first.status == second.status == 201
    assert first.json() == second.json()
    assert (await as_dispatched(crew.user, first.json()["data"]).get("/tenants/me")).status == 200


async def test_dispatches_that_are_over_count_for_no_limit(log_of_module: TestDatabase) -> None:
    now = NOON
    async with service(log_of_module, utc_now=lambda: now) as running:
        user = await client(running)
        assert (await user.patch("/tenants/me", {"settings": {"max_api_keys": 3}})).status == 200
        for _ in range(2):
            await minted(user, expires_in_seconds=60)
        answer = await user.post("/dispatches", {"role": "agent"})
        assert (answer.status, answer.json()["error"]["code"]) == (422, "limit_reached")
        now = NOON + timedelta(seconds=61)
        first = await minted(user)
        await minted(user)
        assert (await user.post(f"/dispatches/{first['dispatch']['id']}/revoke")).status == 200
        await minted(user)
        assert len((await user.get("/api_keys")).json()["data"]) == 3


async def test_a_superadmin_mints_nothing_in_a_tenant_s_name(crew: Crew, log_of_module: TestDatabase) -> None:
    _, raw = await superadmin(log_of_module)
    inside = {"X_Impersonate_Tenant": str(crew.user.tenant), "X_Effective_Role": "user"}
    root = Client(crew.user.service, crew.user.tenant, raw)
    answer = await root.post("/dispatches", {"role": "agent"}, **inside)
    assert (answer.status, answer.json()["error"]["code"]) == (403, "impersonation_refused")


async def test_the_log_names_the_lineage_of_whoever_acts(crew: Crew) -> None:
    made = await minted(crew.lead, "orchestrator", agent_id=crew.agents["leo"])
    session = as_dispatched(crew.user, made)
    await session.project("p-p")
    async with crew.user.service.store.database.tenant_transaction(crew.user.tenant) as tx:
        entry = await tx.fetchval(NEWEST, crew.user.tenant)
    actor = crew.user.service.store.codec.decode(entry).actor
    assert list(actor[2:]) == made["dispatch"]["lineage_path"]
