"""Beginning a session: with a security key that knows its user, or with an API key that is shown once."""

import secrets
from datetime import timedelta
from uuid import UUID

from api.http.refusal import Refused
from api.services import Services
from api.signup.enrolling import check_rate_of
from api.web.superadmins import ENDED, REFUSED, superadmins_session
from api.web.visitors import Sender, begin_session, browser_of
from api.webauthn.assertion import Assertion, NotAsserted, check_assertion
from api.webauthn.client_data import BadClientData
from api.webauthn.relying_party import relying_party
from domain.authenticator import Authenticator
from domain.caller import Caller, Role, superadmin_caller
from eventstore.callers.callers import TenantInactive, UnknownKey
from eventstore.callers.superadmin_authenticators import superadmin_of_credential
from projections.rows.authenticators import read_authenticators
from projections.rows.challenges import Challenge, find_challenge, store_challenge, use_challenge
from projections.rows.tenants import find_tenant
from projections.rows.web_sessions import NewSession, last_count, tenant_of_credential

LASTS = timedelta(minutes=5)
MOST_TRIES = 120
"""Of one address, within the hour."""


async def new_login(services: Services, sender: Sender) -> tuple[UUID, bytes]:
    """An id under which the challenge is found again, and the challenge. Nobody's yet: it is kept under that id."""
    source = services.failed_keys.source(sender.headers, sender.peer)
    await check_rate_of(services, "login", source, MOST_TRIES)
    login, value, now = services.new_id(), secrets.token_bytes(32), services.utc_now()
    made = Challenge(
        challenge_id=UUID(bytes=value[:16]), purpose="login", challenge=value, nonce=secrets.token_bytes(32),
        subject="{}", outcome=None, created_at=now, expires_at=now + LASTS, used_at=None,
    )  # fmt: skip
    async with services.reading(login) as tx:
        await store_challenge(tx, made)
    return login, value


async def with_security_key(
    services: Services, sender: Sender, login: UUID, challenge: bytes, assertion: Assertion
) -> dict[str, str]:
    """The header with the session's cookie: of a superadmin, or of a person of a tenant. Raises Refused."""
    async with services.reading(login) as tx:
        made = await find_challenge(tx, UUID(bytes=challenge[:16]))
        if made is None or made.challenge != challenge or not await use_challenge(tx, made, services.utc_now(), "{}"):
            raise Refused("challenge_spent", "This took too long, or was used: try again.")
    async with services.reading_names() as names:
        # First: whatever credential id somebody enrols in a tenant, it does not stand before a superadmin's.
        superadmin = await superadmin_of_credential(names, assertion.credential_id)
        tenant = None if superadmin else await tenant_of_credential(names, assertion.credential_id)
    if superadmin is not None:
        return await superadmins_session(services, sender, superadmin_caller(*superadmin), challenge, assertion)
    if tenant is None:
        raise Refused("webauthn_failed", f"{REFUSED}: it belongs to no tenant here.")
    return await _persons_session(services, sender, tenant, challenge, assertion)


async def _persons_session(
    services: Services, sender: Sender, tenant: UUID, challenge: bytes, assertion: Assertion
) -> dict[str, str]:
    async with services.reading(tenant) as tx:
        whole = await find_tenant(tx)
        keys = [each for each in await read_authenticators(tx) if each.credential_id == assertion.credential_id]
        count = await last_count(tx, keys[0].authenticator_id) if keys else 0
    if whole is None or whole.status != "active":
        raise Refused("tenant_inactive")
    key = keys[0] if keys and keys[0].suspected_at is None else None
    if key is None:
        raise Refused("webauthn_failed", ENDED)
    counted = _touched(services, challenge, key, assertion, count)
    begun = NewSession(
        session_id=services.new_id(), token_hash=b"", at=services.utc_now(), browser=browser_of(sender.headers),
        authenticator_id=key.authenticator_id, sign_count=counted,
    )  # fmt: skip
    caller = Caller(tenant_id=tenant, key_id=key.authenticator_id, key_name=key.name, role=Role.USER)
    return await begin_session(services, sender.headers, begun, caller)


def _touched(services: Services, challenge: bytes, key: Authenticator, assertion: Assertion, count: int) -> int:
    """Its counter now. Raises Refused, also when it has not grown since the last login: then it may be a copy."""
    try:
        asserted = check_assertion(relying_party(services.settings), challenge, key, assertion)
    except (NotAsserted, BadClientData) as error:
        raise Refused("webauthn_failed", f"{REFUSED}: {error}.") from None
    if count and asserted.sign_count <= count:
        raise Refused("webauthn_failed", f"{REFUSED}: its counter went back, as that of a copy does.")
    return asserted.sign_count


async def with_api_key(services: Services, sender: Sender, raw: str) -> dict[str, str]:
    """The same with a key of the API, which is looked at as with every request of it. Raises Refused."""
    source = services.failed_keys.source(sender.headers, sender.peer)
    services.failed_keys.check(source, raw)
    try:
        caller = await services.find_caller(raw)
    except UnknownKey:
        services.failed_keys.add(source)
        raise Refused("invalid_api_key", "This key is unknown, revoked or expired.") from None
    except TenantInactive:
        raise Refused("tenant_inactive", "The tenant of this key is not active.") from None
    begun = NewSession(
        session_id=services.new_id(), token_hash=b"", at=services.utc_now(), browser=browser_of(sender.headers),
        key_id=caller.key_id,
    )  # fmt: skip
    return await begin_session(services, sender.headers, begun, caller)
