"""The keys of a log as commands: over HTTP and by the operator the same entry, by the same way into the log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct, structs

from domain.errors import Rejected
from domain.event import Recorded, Stream
from domain.log_key import bootstrap_key, check_operator_may_rotate, check_reason, rotate_key
from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import StoredHead, checkpoint_at
from eventstore.heads.log_keys import Begin, store_log_key
from eventstore.heads.rotate import Changing, Signing, begin_change
from eventstore.keys.keyring import Keyring
from eventstore.log.command import Change, Command, Known, Need, Origin, Refusal, Reply, existing
from eventstore.log.lane import Store, Writer
from loopctl.tlog.signer import LogSigner
from loopctl.tlog.vkey import VerifierKey
from projections.facts.log_key import NEWEST_LOG_KEY
from projections.rows.authenticators import ALL_AUTHENTICATORS
from projections.rows.tenants import TENANTS

Answer = Callable[[Known, Sequence[Recorded]], Any]
NEWEST = NEWEST_LOG_KEY.need(None)


def rotation(tenant_id: UUID, origin: Origin, changing: Changing, answer: Answer) -> Command:
    """Entry and new key are one transaction. Refused when the key is not the old one any more."""
    stream = Stream("tenant", tenant_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, rotate_key(known[NEWEST], changing.change), sign=changing.sign)]

    return Command(
        origin=origin, needs=(NEWEST,), streams=(stream,), decide=decide, answer=answer, alone=True,
        beside=partial(changing.store, at=origin.at),
    )  # fmt: skip


class FirstKey(Struct, frozen=True):
    """Of a log that has none."""

    keyring: Keyring
    origin: str
    private_key: Ed25519PrivateKey
    reason: str

    @property
    def key(self) -> VerifierKey:
        return LogSigner(self.origin, self.private_key).key

    async def store(self, tx: TenantTx, at: datetime) -> None:
        await store_log_key(tx, self.keyring, self.private_key, Begin(self.origin, self.reason, at))


def bootstrap(tenant_id: UUID, origin: Origin, first: FirstKey, answer: Answer) -> Command:
    stream = Stream("tenant", tenant_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, bootstrap_key(known[NEWEST], first.key.text(), first.reason))]

    return Command(
        origin=origin, needs=(NEWEST,), streams=(stream,), decide=decide, answer=answer, alone=True,
        beside=partial(first.store, at=origin.at),
    )  # fmt: skip


class Rotated(Struct, frozen=True):
    """``position`` of the entry; the boundary head has the size behind it."""

    position: int
    old: VerifierKey
    new: VerifierKey
    boundary: StoredHead


class Allowed(Struct, frozen=True):
    """Who may rotate without a person's touch, decided at the head of the log. ``check`` raises Rejected."""

    needs: Sequence[Need[Any]]
    check: Callable[[Known], None]


class RotationWish(Struct, frozen=True):
    """``reason`` is a lower-case word; ``compromise`` ends the old key with the boundary head."""

    tenant_id: UUID
    actor: tuple[str, ...]
    reason: str
    allowed: Allowed


def by_operator(tenant_id: UUID) -> Allowed:
    """Only where no person could be asked for a touch."""
    tenant, keys = TENANTS.need(tenant_id), ALL_AUTHENTICATORS.need(None)

    def check(known: Known) -> None:
        check_operator_may_rotate(existing(known, tenant).root_of_trust, len(known[keys]))

    return Allowed((tenant, keys), check)


async def rotate_log_key(store: Store, signing: Signing, wish: RotationWish) -> Rotated:
    """By somebody on the server.

    Raises Rejected, and what `begin_change` raises. After DatabaseUnavailable with an unknown outcome the key history
    tells whether it happened.
    """
    check_reason(wish.reason)
    async with store.database.tenant_transaction(wish.tenant_id) as tx:
        changing = await begin_change(tx, signing, wish.reason)
    origin = Origin(actor=wish.actor, at=store.now(), refuse=_raise)
    command = _allowed(wish.allowed, rotation(wish.tenant_id, origin, changing, _nothing))
    reply = await Writer(store).submit(wish.tenant_id, command)
    position = reply.position
    if position is None:
        raise AssertionError("what was decided has a place")
    async with store.database.tenant_transaction(wish.tenant_id) as tx:
        await signing.current(tx)
        boundary = await checkpoint_at(tx, position + 1)
    if boundary is None:
        raise AssertionError("whoever signed a later head has signed the boundary first")
    return Rotated(position, changing.old.key, changing.new.key, boundary)


def _allowed(allowed: Allowed, command: Command) -> Command:
    def decide(known: Known) -> Sequence[Change] | Refusal:
        allowed.check(known)
        return command.decide(known)

    return structs.replace(command, needs=(*command.needs, *allowed.needs), decide=decide)


def _nothing(_: Known, __: Sequence[Recorded]) -> None: ...


def _raise(refusal: Rejected) -> Reply:
    raise refusal
