"""A new dispatch with its key: both in one transaction, or neither."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import structs

from api.api_keys.raw import new_raw_key, raw_key_again
from api.commands import origin, submit, written
from api.dispatches.examples import MINTED
from api.dispatches.schemas import MintBody, dispatch_body
from api.http.asking import Asking
from api.services import Services
from api.times import wire_time
from domain.api_key import shown_prefix
from domain.dispatch import DEFAULT, DispatchCreated, Mint, mint_dispatch, parent_of
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.key import ApiKeyCreated, CreateKey, create_key
from domain.lifecycle.identity import identity_of
from domain.tenant_settings import read_settings
from eventstore.callers.callers import store_key_hash
from eventstore.log.command import Change, Command, Known, Need, Reply, existing
from projections.rows.agents import AGENTS
from projections.rows.dispatches import DISPATCHES
from projections.rows.keys import KEYS, KEYS_OF_AGENT, UNREVOKED_KEYS
from projections.rows.stories import STORIES
from projections.rows.tenants import TENANTS

CREATED = 201


class Minting:
    """What one mint has to know, and what it comes to. Raises Invalid and Forbidden."""

    def __init__(self, services: Services, asking: Asking, data: MintBody) -> None:
        self.dispatch, self.key = Stream("dispatch", services.new_id()), Stream("api_key", services.new_id())
        self.raw_key = new_raw_key(asking, self.key.id, services.peppers)
        self._who, self._at, self._caller = identity_of(asking.caller), services.utc_now(), asking.caller
        self._wish = wish = Mint(
            dispatch_id=self.dispatch.id, key_id=self.key.id, role=data.role or "", agent_id=data.id_of("agent_id"),
            story_id=data.id_of("story_id"), parent_id=parent_of(self._who, data.id_of("parent_dispatch_id")),
            key_ends=None, seconds=DEFAULT if data.expires_in_seconds is None else data.expires_in_seconds,
        )  # fmt: skip
        self._made, self._made_key = DISPATCHES.need(self.dispatch.id), KEYS.need(self.key.id)
        self._tenant, self._own = TENANTS.need(self._caller.tenant_id), KEYS.need(self._caller.key_id)
        self._unrevoked = UNREVOKED_KEYS.need(self._at)
        self._parent = DISPATCHES.need(wish.parent_id) if wish.parent_id else None
        self._agent = AGENTS.need(wish.agent_id) if wish.agent_id else None
        self._of_agent = KEYS_OF_AGENT.need(wish.agent_id) if wish.agent_id else None
        self._story = STORIES.need(wish.story_id) if wish.story_id else None

    @property
    def needs(self) -> Sequence[Need[Any]]:
        always = (self._made, self._made_key, self._tenant, self._own, self._unrevoked)
        named = (self._parent, self._agent, self._of_agent, self._story)
        return (*always, *(each for each in named if each is not None))

    def decide(self, known: Known) -> Sequence[Change]:
        if self._agent and known[self._agent] is None:
            raise Invalid(agent_id="does not exist")
        if self._story and known[self._story] is None:
            raise Invalid(story_id="does not exist")
        parent = known[self._parent] if self._parent else None
        if self._parent and parent is None:
            raise NotFound("The parent dispatch was not found")
        own = known[self._own]
        wish = structs.replace(self._wish, key_ends=own.expires_at if own else None)
        made = mint_dispatch(wish, self._who, parent, self._at)
        return [Change(self.dispatch, made), Change(self.key, self._key_of(made, known))]

    def _key_of(self, made: DispatchCreated, known: Known) -> ApiKeyCreated:
        wanted = CreateKey(
            name=f"dispatch-{self.dispatch.id}", role=made.role, key_prefix=shown_prefix(self.raw_key),
            agent_id=made.agent_id, expires_at=made.expires_at,
            most_keys=read_settings(existing(known, self._tenant).settings).max_api_keys,
        )  # fmt: skip
        agent, of_agent = self._agent, self._of_agent
        (created,) = create_key(
            wanted, known[agent] if agent else None, known[self._unrevoked], known[of_agent] if of_agent else (),
            self._at,
        )  # fmt: skip
        return structs.replace(
            created, dispatch_id=self.dispatch.id, lineage=made.lineage, minters=made.minters,
            human_root=made.human_root,
        )  # fmt: skip

    def answer(self, known: Known, _: Sequence[Recorded]) -> Any:
        made = existing(known, self._made_key)
        shown = {
            "id": made.key_id, "raw_key": None, "key_prefix": made.key_prefix, "role": made.role,
            "agent_id": made.agent_id, "expires_at": wire_time(made.expires_at),
        }  # fmt: skip
        body = dispatch_body(self._caller.tenant_id, existing(known, self._made))
        return {"data": {"dispatch": body, "api_key": shown, "next_action": MINTED["next_action"]}}


async def mint(services: Services, asking: Asking, data: MintBody) -> Response[bytes]:
    """Raises Invalid and Forbidden."""
    minting = Minting(services, asking, data)
    write_hash = partial(
        store_key_hash, key_id=minting.key.id, pepper=services.peppers[0], raw_key=minting.raw_key
    )  # fmt: skip
    command = Command(
        origin=origin(services, asking), decide=minting.decide, answer=minting.answer, needs=minting.needs,
        streams=(minting.dispatch, minting.key), status=CREATED, beside=write_hash,
    )  # fmt: skip
    reply = await submit(services, asking, command)
    return await written(services, asking, _with_raw_key(services, asking, reply, minting.raw_key))


def _with_raw_key(services: Services, asking: Asking, reply: Reply, raw_key: str) -> Reply:
    """What was stored under the idempotency key has none; a retry gets the one that its first try got."""
    if reply.status != CREATED:
        return reply
    body: dict[str, Any] = msgspec.json.decode(reply.body)
    key = body["data"]["api_key"]
    again = raw_key_again(asking, UUID(key["id"]), key["key_prefix"], services.peppers) if reply.replayed else raw_key
    key["raw_key"] = again
    return structs.replace(reply, body=msgspec.json.encode(body))
