"""What the browser brings back of a key that was touched: the library's checks, and ours on top (spec 06, 4.5)."""

from typing import Any

import msgspec
from msgspec import Struct
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from api.webauthn.client_data import BadClientData, check_client_data
from api.webauthn.encoding import NotBase64, to_bytes, to_text
from api.webauthn.registration import MULTI_DEVICE
from api.webauthn.relying_party import RelyingParty
from domain.authenticator import Authenticator

LONGEST = 16_384
BE, AT, ED = 0x08, 0x40, 0x80
FLAGS = 32
"""Where they stand in authenticatorData."""
DATA_BYTES = 37
"""Of authenticatorData that has neither a key nor extensions in it."""


class Assertion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it is sent; bytes in base64url."""

    credential_id: str
    authenticator_data: str
    client_data_json: str
    signature: str

    def plain(self) -> "Assertion":
        """In the one spelling that is kept. Raises NotAsserted."""
        try:
            return Assertion(**{name: to_text(to_bytes(getattr(self, name), name)) for name in self.__struct_fields__})
        except NotBase64 as error:
            raise NotAsserted(f"{error} is not base64url") from None


class Asserted(Struct, frozen=True):
    sign_count: int
    backed_up: bool


class NotAsserted(Exception):
    """Says what is wrong."""


class CountWentBack(NotAsserted):
    """Everything is right but the counter, as with a copy of the key."""


def parse_assertion(given: Any) -> Assertion:
    """An object, or its JSON in base64url. Raises NotAsserted."""
    try:
        if isinstance(given, str):
            if len(given) > LONGEST:
                raise NotAsserted("it is too long")
            given = msgspec.json.decode(to_bytes(given, "it"))
        return msgspec.convert(given, Assertion).plain()
    except NotBase64:
        raise NotAsserted("it is neither an object nor base64url of one") from None
    except msgspec.MsgspecError as error:
        raise NotAsserted(f"it has not the four members that it should have: {str(error)[:120]}") from None


def check_assertion(
    party: RelyingParty, challenge: bytes, authenticator: Authenticator, assertion: Assertion
) -> Asserted:
    """Raises NotAsserted."""
    data = to_bytes(assertion.authenticator_data, "authenticator_data")
    try:
        check_client_data(to_bytes(assertion.client_data_json, "client_data_json"))
    except BadClientData as error:
        raise NotAsserted(str(error)) from None
    _check_data(data, authenticator)
    try:
        verified = verify_authentication_response(
            credential=_as_browser_json(assertion),
            expected_challenge=challenge, expected_rp_id=party.id, expected_origin=list(party.origins),
            credential_public_key=to_bytes(authenticator.public_key, "public_key"),
            credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip
    except WebAuthnException as error:
        raise NotAsserted(str(error)[:200]) from None
    except Exception as error:  # noqa: BLE001  # the library's parsers raise whatever their input makes them raise
        raise NotAsserted(f"it cannot be read ({type(error).__name__})") from None
    if verified.credential_device_type.value == MULTI_DEVICE and not authenticator.backup_eligible:
        raise NotAsserted("the key says that it can be backed up, and did not when it was enrolled")
    count = verified.new_sign_count
    if (count or authenticator.sign_count) and count <= authenticator.sign_count:
        raise CountWentBack("the key's counter went back: it may be a copy")
    return Asserted(count, verified.credential_backed_up)


def _check_data(data: bytes, authenticator: Authenticator) -> None:
    """What the library does not look at."""
    if len(data) < DATA_BYTES:
        raise NotAsserted("authenticator_data is too short")
    flags = data[FLAGS]
    if flags & AT or (not flags & ED and len(data) != DATA_BYTES):
        raise NotAsserted("authenticator_data holds more than it should")
    if bool(flags & BE) != authenticator.backup_eligible:
        raise NotAsserted("whether the key can be backed up never changes, and did")


def _as_browser_json(assertion: Assertion) -> dict[str, Any]:
    return {
        "id": assertion.credential_id, "rawId": assertion.credential_id, "type": "public-key",
        "response": {
            "authenticatorData": assertion.authenticator_data, "clientDataJSON": assertion.client_data_json,
            "signature": assertion.signature,
        },
    }  # fmt: skip
