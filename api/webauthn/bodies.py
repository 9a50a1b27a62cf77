"""What both enrolments take: of a signup, and of a tenant that there is."""

from typing import Annotated

from msgspec import Meta, Struct

from api.webauthn.registration import Attested
from domain.authenticator import LONGEST_NAME
from domain.fields import Problems

Text = Annotated[str, Meta(max_length=65_536)]
LONGEST_PART = 32_768
"""Characters of each part of an attestation."""


class NameBody(Struct, frozen=True, kw_only=True):
    friendly_name: Text | None = None

    def name(self) -> str:
        """Raises Invalid."""
        problems = Problems()
        name = problems.required("friendly_name", self.friendly_name, LONGEST_NAME)
        problems.raise_any()
        return name


class AttestedBody(Struct, frozen=True, kw_only=True):
    """What navigator.credentials.create has returned."""

    attestation_object: Text | None = None
    client_data_json: Text | None = None
    credential_id: Text | None = None

    def attested(self) -> Attested:
        """Raises Invalid."""
        problems = Problems()
        names = ("credential_id", "attestation_object", "client_data_json")
        found = [problems.required(name, getattr(self, name), LONGEST_PART) for name in names]
        problems.raise_any()
        return Attested(*found)
