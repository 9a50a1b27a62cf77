"""Capabilities at the routes: what a request presents, what a step mints, and the signature on the way out."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from api.http.asking import Asking
from api.lifecycle.schemas import Said
from api.services import Services
from api.times import wire_time
from domain.capability import (
    CONSUMED_BY,
    MINTED_BY,
    Capability,
    CapabilityMinted,
    Fresh,
    Right,
    consumed,
    minted,
    slot_of,
)
from domain.event import Recorded, Stream
from domain.lifecycle.identity import Identity
from domain.story import Story
from domain.tenant_settings import TenantSettings
from eventstore.log.command import Change, Known, Need, Reply, existing
from loopctl.capability import is_signed, sign, unpadded
from projections.rows.capabilities import CAPABILITIES

UNREADABLE = UUID(int=0)
"""In the place of the id of what cannot be one: no capability has it."""


class Presented(Struct, frozen=True):
    """``token`` when the whole was presented; ``problem`` when it is not what we have signed."""

    cap_id: UUID | None = None
    token: Mapping[str, Any] | None = None
    problem: str = ""


def presented_by(services: Services, asking: Asking, said: Said) -> Presented:
    """By id in the body or in X-Loopctl-Capability, or as the whole token, which is then checked as such. Whoever
    presents a whole one has awaited `keys_at_hand`."""
    ids = {text for text in (said.cap_id, asking.capability, _id_in(said.capability)) if text is not None}
    if not ids:
        return Presented()
    if len(ids) > 1:
        return Presented(UNREADABLE, None, "two_capabilities")
    try:
        cap_id = UUID(ids.pop())
    except ValueError:
        return Presented(UNREADABLE)
    if said.capability is None:
        return Presented(cap_id)
    key = services.purpose_keys.known(asking.caller.tenant_id, "capability")
    if key is None or not is_signed(said.capability, key.signer.public_key().public_bytes_raw()):
        return Presented(cap_id, None, "invalid_signature")
    return Presented(cap_id, said.capability)


async def keys_at_hand(services: Services, asking: Asking, given: Any) -> None:
    """Before anything is read from a body that holds a whole token."""
    if given is not None:
        await services.purpose_keys.find(asking.caller.tenant_id, "capability")


def _id_in(token: Mapping[str, Any] | None) -> str | None:
    if token is None:
        return None
    cap_id = token.get("cap_id")
    return cap_id if isinstance(cap_id, str) else ""


def fresh(services: Services) -> Fresh:
    return Fresh(services.new_id(), unpadded(secrets.token_bytes(32)), services.utc_now())


class StoryRights:
    """Of one story and one step: what has to be known, what is presented, what is minted."""

    def __init__(self, services: Services, asking: Asking, story_id: UUID, action: str, said: Presented) -> None:
        self._presented, self._action, self._story_id = said, action, story_id
        caller = asking.caller
        armed = bool(caller.lineage) or caller.require_capabilities or said.cap_id is not None
        typ, next_typ = CONSUMED_BY.get(action), MINTED_BY.get(action)
        consumed_slot = slot_of(story_id, typ) if armed and typ else None
        self._next = slot_of(story_id, next_typ) if armed and next_typ else None
        self._slot = CAPABILITIES.need(consumed_slot) if consumed_slot else None
        self._at = services.utc_now()
        self._fresh = fresh(services) if self._next else None
        slots = [slot for slot in (consumed_slot, self._next) if slot]
        self.needs: Sequence[Need[Any]] = [CAPABILITIES.need(slot) for slot in slots]
        self.streams: Sequence[Stream] = [Stream("capability", slot) for slot in slots]
        used = said.cap_id if self._slot else None
        self.nonces: Sequence[bytes] = () if used is None or used == UNREADABLE else (used.bytes,)
        """What may be used once: in PostgreSQL, beside what the decision looks at."""

    def right(self, known: Known, policy: TenantSettings) -> Right:
        slot = known[self._slot] if self._slot else None
        problem = self._presented.problem or _differs(self._presented.token, slot, self._story_id, self._action)
        return Right(
            presented=self._presented.cap_id, slot=slot, at=self._at, of_all=policy.require_capabilities,
            problem=problem,
        )  # fmt: skip

    def used(self, right: Right, story: Story) -> list[Change]:
        if self._slot is None:
            return []
        stream = Stream("capability", slot_of(self._story_id, CONSUMED_BY[self._action]))
        return [Change(stream, event) for event in consumed(right, story)]

    def around(
        self, changes: list[Change], right: Right, story: Story, who: Identity, policy: TenantSettings
    ) -> list[Change]:
        """The step's changes between what it uses up and what it mints."""
        return [*self.used(right, story), *changes, *self.mint(story, who, policy)]

    def mint(self, story: Story, who: Identity, policy: TenantSettings) -> list[Change]:
        """For whoever has taken the step, where the next one wants it."""
        if self._next is None or self._fresh is None or not (who.dispatch_id or policy.require_capabilities):
            return []
        event = minted(CapabilityMinted, MINTED_BY[self._action], story, who.lineage, self._fresh)
        return [Change(Stream("capability", self._next), event)]


def _differs(token: Mapping[str, Any] | None, slot: Capability | None, story_id: UUID, action: str) -> str:
    """A whole token says more than its id, and all of it counts."""
    if token is None:
        return ""
    if token["typ"] != CONSUMED_BY.get(action):
        return "wrong_type"
    if token["story_id"] != str(story_id):
        return "wrong_story"
    if slot is not None and str(slot.cap_id) == token["cap_id"]:
        lineage = [str(link) for link in slot.lineage]
        if (token["nonce"], token["issued_to_lineage"]) != (slot.nonce, lineage):
            return "invalid_capability"
    return ""


def minted_by(recorded: Sequence[Recorded]) -> CapabilityMinted | None:
    return next((each.event for each in recorded if isinstance(each.event, CapabilityMinted)), None)


def minted_in(known: Known, tenant_id: UUID, recorded: Sequence[Recorded]) -> dict[str, Any]:
    """For the answer: the capability that the step has minted, unsigned, or nothing."""
    made = [each for each in recorded if isinstance(each.event, CapabilityMinted)]
    if not made:
        return {}
    return {"capability": token_of(tenant_id, existing(known, CAPABILITIES.need(made[-1].stream.id)))}


def token_of(tenant_id: UUID, slot: Capability) -> dict[str, Any]:
    """The wire form; key and signature come on the way out."""
    return {
        "cap_id": slot.cap_id, "tenant_id": tenant_id, "typ": slot.typ, "story_id": slot.story_id,
        "issued_to_lineage": slot.lineage, "issued_at": wire_time(slot.issued_at),
        "expires_at": wire_time(slot.expires_at), "nonce": slot.nonce, "kid": None, "signature": None,
    }  # fmt: skip


async def signed(services: Services, asking: Asking, reply: Reply, member: str = "capability") -> Reply:
    """The same reply with its capability signed. A signature is always the same, so that a retry gets it again."""
    if reply.status >= 300 or f'"{member}":'.encode() not in reply.body:
        return reply
    body: dict[str, Any] = msgspec.json.decode(reply.body)
    token = body.get(member)
    if token is None:
        return reply
    key = await services.purpose_keys.find_or_make(asking.caller.tenant_id, "capability", services.utc_now())
    unsigned = {name: value for name, value in token.items() if name != "signature"}
    return structs.replace(
        reply, body=msgspec.json.encode({**body, member: sign({**unsigned, "kid": key.kid}, key.signer)})
    )
