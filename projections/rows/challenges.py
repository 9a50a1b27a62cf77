"""Challenges that security keys sign: in no log, good for minutes, used once."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.authenticator import AuthenticatorAsserted
from domain.event import Recorded
from eventstore.database.transaction import SystemTx, TenantTx
from eventstore.log.command import Model

Purpose = Literal["signup", "enrolment", "operation", "ceremony", "login"]

STORE = """
    INSERT INTO app.webauthn_challenge
        (tenant_id, challenge_id, purpose, challenge, nonce, subject, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

NAMED = """
    SELECT challenge_id, purpose, challenge, nonce, subject, outcome, created_at, expires_at, used_at
      FROM app.webauthn_challenge
     WHERE tenant_id = $1 AND challenge_id = ANY ($2)
"""

MARK = "UPDATE app.webauthn_challenge SET used_at = $3 WHERE tenant_id = $1 AND challenge_id = $2 AND used_at IS NULL"

READ = """
    SELECT challenge_id, purpose, challenge, nonce, subject, outcome, created_at, expires_at, used_at
      FROM app.webauthn_challenge
     WHERE tenant_id = $1 AND purpose = $2
     ORDER BY created_at, challenge_id
"""

USE = """
    UPDATE app.webauthn_challenge
       SET used_at = $4, outcome = $5
     WHERE tenant_id = $1 AND challenge_id = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $4
    RETURNING challenge_id
"""

FORGET = "DELETE FROM app.webauthn_challenge WHERE tenant_id = $1 AND purpose = $2"

STALE = "SELECT DISTINCT tenant FROM app.find_stale_challenges($1, 100) AS tenant"

FORGET_STALE = "DELETE FROM app.webauthn_challenge WHERE tenant_id = $1 AND expires_at < $2"


class Challenge(Struct, frozen=True, kw_only=True):
    challenge_id: UUID
    purpose: Purpose
    challenge: bytes
    nonce: bytes
    subject: str
    """What it is for, as JSON."""
    outcome: str | None
    """What the browser brought back and was found good, as JSON."""
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        return self.used_at is None and self.expires_at > at


async def store_challenge(tx: TenantTx, made: Challenge) -> None:
    await tx.execute(
        STORE, tx.tenant_id, made.challenge_id, made.purpose, made.challenge, made.nonce, made.subject,
        made.created_at, made.expires_at,
    )  # fmt: skip


async def read_challenges(tx: TenantTx, purpose: Purpose) -> Sequence[Challenge]:
    """Oldest first, used and expired ones too."""
    return [Challenge(**row) for row in await tx.fetch(READ, tx.tenant_id, purpose)]


async def use_challenge(tx: TenantTx, challenge: Challenge, at: datetime, outcome: str) -> bool:
    """False when somebody has used it before, or it has expired: of two who try at once one hears true."""
    found = await tx.fetchval(USE, tx.tenant_id, challenge.challenge_id, challenge.purpose, at, outcome)
    return found is not None


async def forget_challenges(tx: TenantTx, purpose: Purpose) -> None:
    await tx.execute(FORGET, tx.tenant_id, purpose)


async def stale_challenges(tx: SystemTx, before: datetime) -> Sequence[UUID]:
    """Tenants, and drafts of tenants, that have challenges which ended before: some of them."""
    return [row["tenant"] for row in await tx.fetch(STALE, before)]


async def forget_stale(tx: TenantTx, before: datetime) -> None:
    await tx.execute(FORGET_STALE, tx.tenant_id, before)


class OperationChallenges(Model[UUID, Challenge | None]):
    """Those that a touch confirms one request with, by their ids. They are made beside the log, so that each batch
    looks anew."""

    name = "operation_challenge"
    volatile = True
    events = (AuthenticatorAsserted,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Challenge | None]:
        found = [Challenge(**row) for row in await tx.fetch(NAMED, tx.tenant_id, list(keys))]
        return {each.challenge_id: each for each in found if each.purpose in ("operation", "ceremony")}

    def initial(self, _: UUID) -> Challenge | None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        event = recorded.event
        return (
            [challenge_id(base64.urlsafe_b64decode(event.challenge + "=="))]
            if isinstance(event, AuthenticatorAsserted)
            else ()
        )

    def evolve(self, _: Challenge | None, __: Recorded) -> Challenge | None:
        """It is used."""
        return None


CHALLENGES = OperationChallenges()


def challenge_id(challenge: bytes) -> UUID:
    return UUID(bytes=challenge[:16])


async def find_challenge(tx: TenantTx, id_: UUID) -> Challenge | None:
    row = await tx.fetchrow(NAMED, tx.tenant_id, [id_])
    return Challenge(**row) if row else None


async def mark_used(tx: TenantTx, id_: UUID, at: datetime) -> None:
    await tx.execute(MARK, tx.tenant_id, id_, at)


LEAVE = """
    UPDATE app.webauthn_challenge
       SET outcome = $4
     WHERE tenant_id = $1 AND challenge_id = $2 AND outcome IS NULL AND used_at IS NULL AND expires_at > $3
    RETURNING challenge_id
"""

WHOSE = "SELECT app.find_ceremony($1)"


async def leave_outcome(tx: TenantTx, id_: UUID, at: datetime, outcome: str) -> bool:
    """False when there is one already, or it is too late."""
    return await tx.fetchval(LEAVE, tx.tenant_id, id_, at, outcome) is not None


async def find_ceremony_tenant(tx: SystemTx, id_: UUID) -> UUID | None:
    found: UUID | None = await tx.fetchval(WHOSE, id_)
    return found
