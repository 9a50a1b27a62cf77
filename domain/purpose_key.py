"""Keys of a tenant that are for one purpose each, and never sign a head: the log says which there are."""

from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct, structs

from domain.event import Event, Events, Recorded
from domain.lifecycle.events import VerifierDrawn

Purpose = Literal["capability", "draw"]


class PurposeKeyMade(Event, frozen=True, kw_only=True):
    """In hexadecimal, of a capability key the public half (Ed25519), of a key for draws the end of its chain."""

    TAG: ClassVar[str] = "purpose_key.made"
    purpose: Purpose
    kid: str
    public: str


PurposeKeyEvent = PurposeKeyMade
PURPOSE_KEY_EVENTS = Events[PurposeKeyEvent](PurposeKeyEvent)


class SeedChain(Struct, frozen=True, kw_only=True):
    """A purpose key as the log knows it; a row of app.seed_chain. ``last`` is the seed that was revealed last, at first
    the end of the chain."""

    key_id: UUID
    purpose: Purpose
    kid: str
    public: str
    revealed: int
    last: str
    position: int


def evolve_seed_chain(chain: SeedChain | None, recorded: Recorded) -> SeedChain | None:
    """After its making, and after a draw of any story that has revealed its next seed."""
    event = recorded.event
    if isinstance(event, PurposeKeyMade):
        return SeedChain(
            key_id=recorded.stream.id, purpose=event.purpose, kid=event.kid, public=event.public, revealed=0,
            last=event.public, position=recorded.position,
        )  # fmt: skip
    if chain is not None and isinstance(event, VerifierDrawn) and event.kid == chain.kid:
        return structs.replace(chain, revealed=event.draw, last=event.seed, position=recorded.position)
    return chain
