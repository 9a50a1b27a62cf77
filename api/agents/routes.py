"""Agents: /api/v1/agents."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.agents.examples import AGENT
from api.agents.schemas import AgentsQuery, RegisterAgentBody, UpdateAgentBody, agent_body
from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import page_of
from api.paths import AgentPath
from api.projects.examples import META
from api.services import Provided
from domain.agent import register_agent, update_agent
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.key import link_key
from domain.lifecycle.implementer import end_hold
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.agents import AGENT_NAME, AGENTS, COSIGNER_KEY, AgentFilter, find_agent, key_part, list_agents
from projections.rows.keys import KEYS
from projections.rows.stories import STORIES, stories_held

TAGS = ["Agents"]
RETRYABLE = ("idempotency_key_reused",)


@post(
    "/api/v1/agents/register",
    opt={"access": "=agent", "custody": True, "errors": ("conflict", *RETRYABLE)},
    tags=TAGS,
    summary="Register the agent that this key is",
    description="Once for each key: from then on the key acts as this agent. Names are unique in the tenant.",
    status_code=201,
    responses=answers(201, "The agent", {"agent": AGENT}),
)
async def register_own_agent(services: Provided, asking: Asker, data: JSONBody[RegisterAgentBody]) -> Response[bytes]:
    caller, agent = asking.caller, Stream("agent", services.new_id())
    key, wish = Stream("api_key", caller.key_id), data.command(caller.key_id)
    need, key_need, name = AGENTS.need(agent.id), KEYS.need(key.id), AGENT_NAME.need(wish.name.strip())

    def decide(known: Known) -> Sequence[Change]:
        linked = link_key(existing(known, key_need), agent.id)
        return [Change(agent, register_agent(known[name] is not None, wish)), Change(key, linked)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        made = existing(known, need)
        return {"agent": agent_body(caller.tenant_id, made, made.created_at)}

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=answer, needs=(need, key_need, name), streams=(agent, key), status=201
    )  # fmt: skip
    return await carry_out(services, asking, command)


@get(
    "/api/v1/agents",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List agents",
    description="By name unless said otherwise. last_seen_at is up to a minute late.",
    responses=answers(
        200,
        "A page of agents, in two forms",
        {"agents": [AGENT], "total": 1, "page": 1, "page_size": 20, "data": [AGENT], "meta": META},
    ),
)
async def list_agents_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[AgentsQuery]
) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    chosen = AgentFilter(wanted.agent_type or None, wanted.status or None, wanted.sort_by)
    async with services.reading(tenant_id) as tx:
        found, total = await list_agents(tx, chosen, page.limit, page.offset)
    answer = page.answer([agent_body(tenant_id, agent, seen) for agent, seen in found], total)
    meta = answer["meta"]
    legacy = {"agents": answer["data"], "total": total, "page": meta["page"], "page_size": meta["page_size"]}
    return {**legacy, **answer}


@get(
    "/api/v1/agents/{agent_id:uuid}",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Show an agent",
    responses=answers(200, "The agent", {"agent": AGENT}),
)
async def show_agent(services: Provided, asking: Asker, agent_id: AgentPath) -> dict[str, Any]:
    tenant_id = asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found = await find_agent(tx, agent_id)
    if found is None:
        raise NotFound("Not found")
    return {"agent": agent_body(tenant_id, *found)}


@patch(
    "/api/v1/agents/{agent_id:uuid}",
    opt={"access": "user+", "custody": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Change an agent",
    description="Its status and its metadata. A deactivated agent takes no work: what it has contracted or claimed "
    "goes back to the queue, but for work that others can go on with. `cosigner` is the key with which it signs "
    "the heads of the log that it has seen (`cosig` in Loopctl-Witness); another one takes the place of the earlier.",
    responses=answers(200, "The agent", {"agent": AGENT}),
)
async def update_agent_of_tenant(
    services: Provided, asking: Asker, agent_id: AgentPath, data: JSONBody[UpdateAgentBody]
) -> Response[bytes]:
    stream, need, tenant_id = Stream("agent", agent_id), AGENTS.need(agent_id), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found = await find_agent(tx, agent_id)
        held = await stories_held(tx, agent_id) if data.status == "deactivated" else ()
    log_name = (await services.log_reader.keys(tenant_id))[-1].key.name if data.cosigner else ""
    fields = data.fields(log_name, agent_id)
    taken = [COSIGNER_KEY.need(key_part(fields.cosigner))] if fields.cosigner else []
    seen, stories = found[1] if found else services.utc_now(), [STORIES.need(story_id) for story_id in held]

    def decide(known: Known) -> Sequence[Change]:
        holder = known[taken[0]] if taken else None
        changes = [Change(stream, event) for event in update_agent(existing(known, need), fields, holder)]
        for story in filter(None, (known[each] for each in stories)):
            ended = end_hold(story, agent_id, services.utc_now())
            changes += [Change(Stream("story", story.story_id), event) for event in ended]
        return changes

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {"agent": agent_body(tenant_id, existing(known, need), seen)}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need, *taken, *stories),
        streams=(stream, *(Stream("story", story_id) for story_id in held)),
    )  # fmt: skip
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    register_own_agent,
    list_agents_of_tenant,
    show_agent,
    update_agent_of_tenant,
)
