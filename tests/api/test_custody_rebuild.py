"""Keys, dispatches, capabilities and chains of seeds are the same when they are made again from the log; among them
what one event has ended of many rows."""

from tests.api.logs import Service
from tests.api.team import work
from tests.api.test_capabilities import claimed, wanting
from tests.api.test_dispatches import as_dispatched, minted
from tests.api.test_draws import Crew, crew
from tests.api.test_lineage import implemented
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase

__all__ = ["crew"]  # a fixture


async def test_dispatches_keys_and_draws_equal_their_rebuild(crew: Crew, log_of_module: TestDatabase) -> None:
    user = crew.family.user
    story = await implemented(crew.family, "1.1")
    await implemented(crew.family, "1.2")
    session = await minted(user, "orchestrator", agent_id=(await orchestrator(crew)))
    await minted(as_dispatched(user, session))
    assert (await user.post(f"/dispatches/{session['dispatch']['id']}/revoke")).json()["data"]["revoked_count"] == 2
    drawn = (await user.shown(story))["verifier_dispatch_id"]
    assert (await user.post(f"/dispatches/{drawn}/revoke")).status == 200
    assert (await user.post(f"/stories/{story}/draw-verifier")).status == 200
    found = await rebuilt(log_of_module, user.tenant)
    assert [each.table for each in found if not each.was_equal] == []
    rows = {each.table: each.rows for each in found}
    assert rows["app.dispatch"] == 7
    assert rows["app.capability"] == 2
    assert rows["app.seed_chain"] == 2


async def orchestrator(crew: Crew) -> str:
    """An agent of that type without a live key: of a judge whose dispatch is revoked first."""
    dispatch, _ = next(iter(crew.judges.items()))
    shown = (await crew.family.user.get(f"/dispatches/{dispatch}")).json()["data"]
    assert (await crew.family.user.post(f"/dispatches/{dispatch}/revoke")).status == 200
    agent: str = shown["agent_id"]
    return agent


async def test_capabilities_that_were_used_and_are_gone_equal_their_rebuild(
    served: Service, log_of_module: TestDatabase
) -> None:
    laid_out = await wanting(await work(served, "1.1", "1.2"))
    token = await claimed(laid_out)
    body = {"cap_id": token["cap_id"]}
    assert (await laid_out.do(laid_out.team.implementer, "1.1", "start", body)).status == 200
    gone = laid_out.stories["1.2"]
    await claimed(laid_out, "1.2")
    assert (await laid_out.team.user.delete(f"/stories/{gone}")).status == 204
    found = await rebuilt(log_of_module, laid_out.team.user.tenant)
    assert [each.table for each in found if not each.was_equal] == []
    assert {each.table: each.rows for each in found}["app.capability"] == 1
