"""Dispatches: one scoped assignment each, with a key of its own that ends by itself (spec 01, section 3.8).

They form a tree. What ends a dispatch ends everything below it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeVar
from uuid import UUID

from msgspec import Struct, structs

from domain.caller import Role
from domain.errors import Forbidden
from domain.event import Event, Events, Recorded
from domain.fields import BLANK, Problems, must_be_one_of
from domain.key import ApiKey, ApiKeyRevoked, evolve_key
from domain.lifecycle.identity import Identity

DispatchRole = Literal["agent", "orchestrator"]
DISPATCH_ROLES: tuple[DispatchRole, ...] = ("agent", "orchestrator")

SHORTEST, DEFAULT, LONGEST = 60, 3600, 14_400
"""Seconds that a dispatch lasts, unless the one above it ends before."""
DEEPEST = 16
"""Links of a lineage."""


class DispatchCreated(Event, frozen=True, kw_only=True):
    """``lineage`` runs from the root to the dispatch itself. A root that a person made is a dispatch; below the
    long-lived key of an orchestrator the root is that key."""

    TAG: ClassVar[str] = "dispatch.created"
    role: DispatchRole
    agent_id: UUID | None
    story_id: UUID | None
    parent_dispatch_id: UUID | None
    lineage: Sequence[UUID]
    minters: Sequence[UUID]
    """Agents of those above, from the root."""
    human_root: bool
    """The root was made by a person."""
    key_id: UUID
    expires_at: datetime


class DispatchRevoked(Event, frozen=True, kw_only=True):
    """With it ends everything below it, and the keys of all of them: ``ended`` counts what was still good."""

    TAG: ClassVar[str] = "dispatch.revoked"
    ended: int


DispatchEvent = DispatchCreated | DispatchRevoked
DISPATCH_EVENTS = Events[DispatchEvent](DispatchEvent)

ENDS_MANY: tuple[type[Event], ...] = (DispatchRevoked, ApiKeyRevoked)
"""Events that end what has their dispatch, or their key, in its lineage."""


class Dispatch(Struct, frozen=True, kw_only=True):
    """A dispatch as its events leave it; a row of app.dispatch."""

    dispatch_id: UUID
    parent_dispatch_id: UUID | None
    agent_id: UUID | None
    story_id: UUID | None
    role: DispatchRole
    lineage: tuple[UUID, ...]
    minters: tuple[UUID, ...]
    human_root: bool
    key_id: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    position: int
    """Of the newest event."""

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > at


class Mint(Struct, frozen=True, kw_only=True):
    """``role`` as the client said it; ``key_ends`` when the key of whoever asks does."""

    dispatch_id: UUID
    key_id: UUID
    role: str
    agent_id: UUID | None
    story_id: UUID | None
    parent_id: UUID | None
    seconds: int
    key_ends: datetime | None


def mint_dispatch(wish: Mint, who: Identity, parent: Dispatch | None, at: datetime) -> DispatchCreated:
    """``parent`` is the one that `parent_of` names. Raises Invalid, Forbidden."""
    problems = Problems()
    role = next((each for each in DISPATCH_ROLES if each == wish.role), None)
    if role is None:
        problems.add("role", must_be_one_of(DISPATCH_ROLES) if wish.role else BLANK)
    if parent is not None and len(parent.lineage) >= DEEPEST:
        problems.add("parent_dispatch_id", f"is {DEEPEST} deep already: mint from further up")
    problems.raise_any()
    made_by_person = parent is None and who.role == Role.USER
    if parent is not None:
        _check_parent(parent, role or "agent", who, at)
    lineage, minters, human_root = _above(who, parent)
    ends = [at + timedelta(seconds=min(max(wish.seconds, SHORTEST), LONGEST))]
    ends += [parent.expires_at] if parent else []
    ends += [wish.key_ends] if wish.key_ends and not made_by_person else []
    return DispatchCreated(
        role=role or "agent", agent_id=wish.agent_id, story_id=wish.story_id,
        parent_dispatch_id=parent.dispatch_id if parent else None, lineage=(*lineage, wish.dispatch_id),
        minters=minters, human_root=human_root, key_id=wish.key_id, expires_at=min(ends),
    )  # fmt: skip


def parent_of(who: Identity, wanted: UUID | None) -> UUID | None:
    """Below which dispatch the new one is; None below none. A caller that was dispatched mints below its own dispatch
    and nowhere else. Raises Forbidden."""
    if who.dispatch_id is None:
        return wanted
    if wanted not in (None, who.dispatch_id):
        raise Forbidden(
            "A dispatched caller mints below its own dispatch only: leave parent_dispatch_id out",
            code="foreign_parent_dispatch",
        )
    return who.dispatch_id


def may_end(who: Identity, dispatch: Dispatch) -> None:
    """Everybody may end what is below them, a person everything. Raises Forbidden."""
    if who.role != Role.USER and who.lineage[-1] not in dispatch.lineage:
        raise Forbidden(
            "This dispatch is not below yours: whoever made it, or a user key, may revoke it",
            code="foreign_parent_dispatch",
        )


def revoke_dispatch(dispatch: Dispatch, live: int) -> tuple[DispatchRevoked, ...]:
    """Nothing when nothing of it is left. ``live`` counts what is still good below it, itself among them."""
    return (DispatchRevoked(ended=live),) if live and dispatch.revoked_at is None else ()


def ended_link(recorded: Recorded) -> UUID:
    """The link of lineages that one of `ENDS_MANY` ends."""
    event = recorded.event
    return (event.dispatch_id if isinstance(event, ApiKeyRevoked) else None) or recorded.stream.id


Ending = TypeVar("Ending", ApiKey, Dispatch)


def ended(state: Ending | None, recorded: Recorded) -> Ending | None:
    """After something above it has ended, or itself. What is over already is not ended once more."""
    if state is None or not isinstance(recorded.event, ENDS_MANY) or ended_link(recorded) not in state.lineage:
        return state
    if state.revoked_at is not None or state.expires_at is None or state.expires_at <= recorded.at:
        return state
    return structs.replace(state, revoked_at=recorded.at, position=recorded.position)


def evolve_key_or_end(key: ApiKey | None, recorded: Recorded) -> ApiKey | None:
    """A key after an event of its own, and after one that ended something above it."""
    own = key is None or recorded.stream.id == key.key_id
    return ended(evolve_key(key, recorded) if own else key, recorded)


def evolve_dispatch(dispatch: Dispatch | None, recorded: Recorded) -> Dispatch | None:
    """The same of a dispatch."""
    event = recorded.event
    if isinstance(event, DispatchCreated):
        return Dispatch(
            dispatch_id=recorded.stream.id, parent_dispatch_id=event.parent_dispatch_id, agent_id=event.agent_id,
            story_id=event.story_id, role=event.role, lineage=tuple(event.lineage), minters=tuple(event.minters),
            human_root=event.human_root, key_id=event.key_id, created_at=recorded.at, expires_at=event.expires_at,
            revoked_at=None, position=recorded.position,
        )  # fmt: skip
    return ended(dispatch, recorded)


def _above(who: Identity, parent: Dispatch | None) -> tuple[Sequence[UUID], Sequence[UUID], bool]:
    """Lineage, agents and kind of root of what is above the new one."""
    if parent is not None:
        agents = (*parent.minters, *((parent.agent_id,) if parent.agent_id else ()))
        return parent.lineage, agents, parent.human_root
    if who.role == Role.USER:
        return (), (), True
    return who.lineage, (who.agent_id,) if who.agent_id else (), False


def _check_parent(parent: Dispatch, role: DispatchRole, who: Identity, at: datetime) -> None:
    if not parent.is_live(at):
        raise Forbidden(
            "The dispatch above is revoked or has expired: mint from one that is live", code="parent_dispatch_expired"
        )
    if who.role != Role.USER and who.lineage[-1] not in parent.lineage:
        raise Forbidden(
            "parent_dispatch_id is not below your own key: mint below what you have made, or leave it out",
            code="foreign_parent_dispatch",
        )
    if Role(role).rank > Role(parent.role).rank:
        raise Forbidden(
            f"A dispatch below one of role {parent.role} is of that role at most", code="dispatch_exceeds_parent"
        )
