"""Every command passes here on its way to the log: what destroys or weakens needs a touch of a security key.

Which changes these are says `domain.weighty`, whatever route makes them; a route that can make one declares
``opt={"fresh": True}``, and one that makes it undeclared fails.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from api.http.asking import Asking
from api.http.refusal import Refused
from api.webauthn.assertion import Asserted, Assertion, CountWentBack, NotAsserted, check_assertion, parse_assertion
from api.webauthn.client_data import BadClientData, challenge_in
from api.webauthn.encoding import to_text
from api.webauthn.relying_party import RelyingParty
from domain.authenticator import Authenticator, AuthenticatorAsserted, AuthenticatorSuspected
from domain.errors import Rejected
from domain.event import Event, Recorded, Stream
from domain.recovery import recovery_stream
from domain.weighty import OF_SUPERADMINS, WEIGHTY, may_weigh, weighs
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, Need, Refusal
from loopctl.tlog.operation import Operation, operation_challenge
from projections.rows.authenticators import ALL_AUTHENTICATORS
from projections.rows.challenges import CHALLENGES, Challenge, challenge_id, mark_used
from projections.rows.recoveries import RECOVERIES
from projections.rows.tenants import TENANTS

HOW = (
    "This needs a touch of one of the tenant's security keys, for exactly this request: POST /api/v1/ceremonies and "
    "Loopctl-Ceremony, or POST /api/v1/tenants/me/webauthn/challenge and webauthn_assertion in the body."
)


class Presented(Struct, frozen=True):
    """What a request brings along: an assertion, or a ceremony in which one was left. ``challenge_id`` is the row's."""

    challenge_id: UUID | None = None
    assertion: Assertion | None = None
    """None: it is in the row."""
    problem: str | None = None
    """Why what was brought is none."""


def presented(asking: Asking) -> Presented:
    """From the body, a header, or a ceremony's id."""
    said = asking.fresh
    if said is None or said.given is None:
        return Presented()
    if isinstance(said.given, UUID):
        return Presented(challenge_id=said.given)
    try:
        assertion = parse_assertion(said.given)
        value = challenge_in(assertion.client_data_json)
    except (NotAsserted, BadClientData) as error:
        return Presented(problem=str(error))
    if len(value) != 32:
        return Presented(problem="its challenge is none of ours")
    return Presented(challenge_id=challenge_id(value), assertion=assertion)


def guarded(asking: Asking, command: Command, party: RelyingParty) -> Command:
    """The same command; its changes wait for a person where they weigh. Its answer sees its own events alone."""
    if asking.fresh is None:
        return structs.replace(command, decide=_unguarded(asking, command))
    guard = Guard(asking, command, party, presented(asking))
    return structs.replace(
        command, decide=guard.decide, answer=guard.answer, needs=(*command.needs, *guard.needs),
        streams=guard.streams, beside=guard.beside,
    )  # fmt: skip


def _unguarded(asking: Asking, command: Command) -> Callable[[Known], Sequence[Change] | Refusal]:
    """A change that weighs on a route that does not say so is a fault of ours, and does not happen."""
    by_superadmin = asking.caller.superadmin

    def decide(known: Known) -> Sequence[Change] | Refusal:
        verdict = command.decide(known)
        if isinstance(verdict, Refusal) or WEIGHTY.isdisjoint([type(change.event) for change in verdict]):
            return verdict
        events = [each for each in _events(verdict) if not (by_superadmin and type(each) in OF_SUPERADMINS)]
        if may_weigh(events) and any(weighs(event, None) for event in events):
            raise TypeError("a route that destroys or weakens declares opt={'fresh': True}")
        return verdict

    return decide


class Checking(Struct, frozen=True):
    """For which pages, and when."""

    party: RelyingParty
    at: datetime


class Touch(Struct, frozen=True):
    """One that is good for the operation."""

    challenge: Challenge
    operation: Operation
    assertion: Assertion
    key: Authenticator
    asserted: Asserted


class Copied(Exception):
    """All is right but the counter of the key."""

    def __init__(self, key: Authenticator, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def touch_of(
    given: Presented, challenge: Challenge | None, operation: Operation, keys: Sequence[Authenticator], how: Checking
) -> Touch:
    """By one of ``keys``. Raises Copied, and Refused, which is kept under no idempotency key: the next try brings a
    touch along."""
    if given.problem:
        raise _failed(f"What was sent as assertion is none: {given.problem}.")
    if given.challenge_id is None:
        raise Refused("webauthn_required", HOW)
    if challenge is None or not challenge.is_open(how.at):
        raise _failed("Its challenge was used, has expired or was never made: ask for another one.")
    assertion = given.assertion or _left(challenge)
    expected = operation_challenge(challenge.nonce, operation)
    if expected != challenge.challenge:
        raise _failed("It was made for another request: method, path, body and caller's key must be the same.")
    key = next((each for each in keys if each.credential_id == assertion.credential_id), None)
    if key is None:
        raise _failed("It is of no security key that may confirm this.")
    if key.suspected_at is not None:
        raise _failed("This security key's counter once went back: take another one, and remove this one.")
    try:
        return Touch(challenge, operation, assertion, key, check_assertion(how.party, expected, key, assertion))
    except CountWentBack as error:
        raise Copied(key, str(error)) from None
    except NotAsserted as error:
        raise _failed(f"It was not accepted: {error}.") from None


def operation_of(asking: Asking) -> Operation:
    if asking.fresh is None:
        raise TypeError("only a route that declares it is guarded")
    said = asking.fresh
    return Operation(asking.caller.tenant_id, said.method, said.path, said.body_hash, asking.caller.key_id)


def evidence_of(touch: Touch, party: RelyingParty) -> AuthenticatorAsserted:
    operation, challenge = touch.operation, touch.challenge
    return AuthenticatorAsserted(
        method=operation.method, path=operation.path, body_hash=to_text(operation.body_hash),
        key_id=str(operation.key_id), nonce=to_text(challenge.nonce), challenge=to_text(challenge.challenge),
        rp_id=party.id, sign_count=touch.asserted.sign_count, backed_up=touch.asserted.backed_up,
        **structs.asdict(touch.assertion),
    )  # fmt: skip


class Guard:
    """Of one command whose route has declared that it may weigh."""

    def __init__(self, asking: Asking, command: Command, party: RelyingParty, given: Presented) -> None:
        self._asking = asking
        self._command = command
        self._party = party
        self._given = given
        self._at: datetime = command.origin.at
        self._tenant = TENANTS.need(asking.caller.tenant_id)
        self._all: Need[Sequence[Authenticator]] = ALL_AUTHENTICATORS.need(None)
        self._challenge = CHALLENGES.need(given.challenge_id) if given.challenge_id else None
        own = recovery_stream(asking.caller.tenant_id)
        self._recovery = RECOVERIES.need(own.id) if asking.caller.superadmin else None

    @property
    def needs(self) -> Sequence[Need[Any]]:
        always: tuple[Need[Any], ...] = (self._tenant, self._all)
        return (*always, *(each for each in (self._challenge, self._recovery) if each))

    def streams(self, known: Known) -> Sequence[Stream]:
        """Of the command, and of each key: which one is touched is known later."""
        own = self._command.streams(known) if callable(self._command.streams) else self._command.streams
        keys = [Stream("authenticator", each.authenticator_id) for each in known[self._all]]
        return [*own, *(each for each in keys if each not in own)]

    def decide(self, known: Known) -> Sequence[Change] | Refusal:
        verdict = self._command.decide(known)
        events = _events(verdict)
        if isinstance(verdict, Refusal) or not may_weigh(events):
            return verdict
        tenant = known[self._tenant]
        keys = known[self._all]
        if not (keys or self._is_between(known)) or not any(weighs(event, tenant) for event in events):
            return verdict
        touched = self._touched(known, keys)
        return touched if isinstance(touched, Refusal) else [touched, *verdict]

    def answer(self, known: Known, recorded: Sequence[Recorded]) -> Any:
        own = recorded[1:] if recorded and isinstance(recorded[0].event, AuthenticatorAsserted) else recorded
        return self._command.answer(known, own)

    @property
    def beside(self) -> Callable[[TenantTx], Awaitable[None]] | None:
        """What the command writes, and that the challenge is used."""
        id_, own, at = self._given.challenge_id, self._command.beside, self._at
        if id_ is None:
            return own

        async def write(tx: TenantTx) -> None:
            if own:
                await own(tx)
            await mark_used(tx, id_, at)

        return write

    def _is_between(self, known: Known) -> bool:
        """A superadmin asks, and the tenant's security keys have ended with a recovery whose link nobody has used."""
        recovery = known[self._recovery] if self._recovery else None
        return recovery is not None and recovery.status == "completed"

    def _touched(self, known: Known, keys: Sequence[Authenticator]) -> Change | Refusal:
        """The evidence. Raises Refused, which is kept under no idempotency key: the next try brings a touch along."""
        challenge = known[self._challenge] if self._challenge else None
        operation = operation_of(self._asking)
        try:
            touch = touch_of(self._given, challenge, operation, keys, Checking(self._party, self._at))
        except Copied as copied:
            suspicion = AuthenticatorSuspected(sign_count_was=copied.key.sign_count)
            stream = Stream("authenticator", copied.key.authenticator_id)
            return Refusal(Rejected(f"Refused: {copied}.", code="webauthn_failed"), [Change(stream, suspicion)])
        return Change(Stream("authenticator", touch.key.authenticator_id), evidence_of(touch, self._party))


def _events(verdict: Sequence[Change] | Refusal) -> Sequence[Event]:
    return [] if isinstance(verdict, Refusal) else [change.event for change in verdict]


def _left(challenge: Challenge) -> Assertion:
    if challenge.outcome is None:
        raise Refused("webauthn_required", "Nobody has touched a security key in this ceremony yet.")
    return msgspec.json.decode(challenge.outcome, type=Assertion)


def _failed(why: str) -> Refused:
    return Refused("webauthn_failed", why)
