"""A new security key, as the browser brings it: the library's checks, and ours on top (spec 06, section 4.5)."""

from msgspec import Struct
from webauthn import verify_registration_response
from webauthn.helpers import parse_attestation_object, validate_certificate_chain
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import InvalidCertificateChain, WebAuthnException
from webauthn.registration.verify_registration_response import VerifiedRegistration

from api.webauthn.client_data import BadClientData, check_client_data
from api.webauthn.encoding import NotBase64, to_bytes, to_text
from api.webauthn.relying_party import RelyingParty
from domain.authenticator import AuthenticatorEnrolled

ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
MULTI_DEVICE = "multi_device"
UNVOUCHED = (
    "no maker that the operator of this service trusts vouches for it: take a key of one, and let the browser tell its "
    "make and model"
)


class Attested(Struct, frozen=True):
    """What the browser sends, in base64url."""

    credential_id: str
    attestation_object: str
    client_data_json: str


class NotAttested(Exception):
    """Says what is wrong."""


def check_registration(party: RelyingParty, challenge: bytes, name: str, attested: Attested) -> AuthenticatorEnrolled:
    """Raises NotAttested."""
    try:
        credential_id = to_bytes(attested.credential_id, "credential_id")
        attestation = to_bytes(attested.attestation_object, "attestation_object")
        client_data = to_bytes(attested.client_data_json, "client_data_json")
        check_client_data(client_data)
    except NotBase64 as error:
        raise NotAttested(f"{error} is not base64url") from None
    except BadClientData as error:
        raise NotAttested(str(error)) from None
    try:
        verified = verify_registration_response(
            credential={
                "id": to_text(credential_id), "rawId": to_text(credential_id), "type": "public-key",
                "response": {"attestationObject": to_text(attestation), "clientDataJSON": to_text(client_data)},
            },
            expected_challenge=challenge, expected_rp_id=party.id, expected_origin=list(party.origins),
            require_user_verification=True, supported_pub_key_algs=ALGORITHMS,
        )  # fmt: skip
    except WebAuthnException as error:
        raise NotAttested(str(error)[:200]) from None
    except Exception as error:  # noqa: BLE001  # the library's parsers raise whatever their input makes them raise
        raise NotAttested(f"cannot be read ({type(error).__name__})") from None
    if verified.credential_id != credential_id:
        raise NotAttested("credential_id is not the one that was attested")
    _check_maker(party, verified)
    return AuthenticatorEnrolled(
        name=name, credential_id=to_text(credential_id), public_key=to_text(verified.credential_public_key),
        attestation_format=str(getattr(verified.fmt, "value", verified.fmt)), aaguid=verified.aaguid,
        sign_count=verified.sign_count,
        backup_eligible=verified.credential_device_type.value == MULTI_DEVICE, backed_up=verified.credential_backed_up,
        challenge=to_text(challenge), rp_id=party.id, attestation_object=to_text(attestation),
        client_data_json=to_text(client_data),
    )  # fmt: skip


def _check_maker(party: RelyingParty, verified: VerifiedRegistration) -> None:
    """The library has checked that the certificates that were sent made the attestation. It takes none for enough, and
    adds makers of its own to those that it is told. Raises NotAttested."""
    if not party.roots:
        return
    certificates = parse_attestation_object(verified.attestation_object).att_stmt.x5c
    try:
        if not certificates or not validate_certificate_chain(x5c=certificates, pem_root_certs_bytes=list(party.roots)):
            raise NotAttested(UNVOUCHED)
    except InvalidCertificateChain:
        raise NotAttested(UNVOUCHED) from None
    if party.models and verified.aaguid not in party.models:
        raise NotAttested(f"its model ({verified.aaguid}) is none that the operator of this service has chosen")
