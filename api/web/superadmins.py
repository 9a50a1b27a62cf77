"""A superadmin signs in with the security key that it has enrolled: a session of no tenant, for /app/admin."""

from api.http.refusal import Refused
from api.recovery.touching import refuse_copied
from api.services import Services
from api.web.visitors import Sender, begin_session, browser_of
from api.webauthn.assertion import Assertion, CountWentBack, NotAsserted, check_assertion
from api.webauthn.client_data import BadClientData
from api.webauthn.relying_party import relying_party
from domain.caller import NO_TENANT, Caller
from eventstore.callers.superadmin_authenticators import find_authenticator, move_counter
from projections.rows.web_sessions import NewSession, end_sessions_of_key

REFUSED = "This security key was not accepted"
ENDED = f"{REFUSED}: it may not be used any more."


async def superadmins_session(
    services: Services, sender: Sender, caller: Caller, challenge: bytes, assertion: Assertion
) -> dict[str, str]:
    """The header with its cookie. Raises Refused; when the counter went back the security key is taken no more, and
    the sessions of its superadmin end."""
    now = services.utc_now()
    async with services.reading_names() as tx:
        key = await find_authenticator(tx, caller.key_id)
    if key is None or key.suspected_at is not None:
        raise Refused("webauthn_failed", ENDED)
    try:
        asserted = check_assertion(relying_party(services.settings), challenge, key, assertion)
    except CountWentBack as error:
        async with services.reading(NO_TENANT) as tx:
            await end_sessions_of_key(tx, caller.key_id)
        raise await refuse_copied(services, error, caller.key_id, now) from None
    except (NotAsserted, BadClientData) as error:
        raise Refused("webauthn_failed", f"{REFUSED}: {error}.") from None
    async with services.reading(caller.key_id) as tx:
        if not await move_counter(tx, key, asserted.sign_count, asserted.backed_up, now):
            raise Refused("webauthn_failed", f"{REFUSED}: it was used for something else meanwhile. Try again.")
    begun = NewSession(
        session_id=services.new_id(), token_hash=b"", at=now, browser=browser_of(sender.headers), key_id=caller.key_id
    )
    return await begin_session(services, sender.headers, begun, caller)
