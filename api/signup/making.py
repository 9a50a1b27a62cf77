"""The last step of a signup: tenant, log, log key, security keys and first API key, all or nothing."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from api.founding import FirstKey, NewTenant
from api.http.refusal import Refused
from api.services import Services
from api.signup.enrolling import USED, enrolled_in, read_draft
from api.signup.schemas import SignupBody
from api.tenants.schemas import Beside, tenant_body
from domain.api_key import ALPHABET, RANDOM_CHARACTERS, complete_key, shown_prefix
from domain.authenticator import MOST_AUTHENTICATORS, AuthenticatorEnrolled
from domain.errors import Invalid
from domain.event import Stream
from domain.key import ApiKeyCreated
from domain.tenant import CreateTenant, create_tenant, evolve_tenant
from eventstore.log.command import Change
from projections.rows.authenticators import CREDENTIAL_INDEX
from projections.rows.challenges import forget_challenges
from projections.rows.tenants import EMAIL_INDEX

ACTOR = ("human:webauthn",)
SLUG_INDEX = "tenant_slug"
FIRST_KEY = "root"


async def make_tenant(services: Services, draft: UUID, data: SignupBody) -> dict[str, Any]:
    """The answer, with the raw key that is shown here and nowhere else. Raises Refused, Invalid."""
    if not services.peppers:
        raise Refused("sealed", "No key can be made: the service has no pepper.")
    raw_key = complete_key("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))
    email = (data.email or "").strip().lower()
    wanted = CreateTenant(
        tenant_id=draft, name=data.name or "", slug=(data.slug or "").strip().lower(), email=email,
        root_of_trust="webauthn",
    )  # fmt: skip
    (created,) = create_tenant(False, wanted)
    async with services.reading(draft) as tx:
        credentials = _kept(data, enrolled_in(await read_draft(services, tx)))
    key_id = services.new_id()
    key = ApiKeyCreated(name=FIRST_KEY, role="user", key_prefix=shown_prefix(raw_key))
    enrolled = [Change(Stream("authenticator", services.new_id()), each) for each in credentials]
    changes = [Change(Stream("tenant", draft), created), *enrolled, Change(Stream("api_key", key_id), key)]
    new = NewTenant(
        tenant_id=draft, email=email, actor=ACTOR, changes=changes,
        first_key=FirstKey(key_id, services.peppers[0], raw_key),
        beside=[partial(forget_challenges, purpose="signup")],
    )  # fmt: skip
    try:
        first, *_ = await services.found(new)
    except asyncpg.UniqueViolationError as error:
        raise _taken(error, created.slug, email) from None
    tenant = evolve_tenant(None, first)
    return {
        "tenant": tenant_body(tenant, Beside(email, has_audit_key=True)) if tenant else None,
        "api_key": {
            "id": key_id, "raw_key": raw_key, "key_prefix": key.key_prefix, "role": key.role, "name": key.name
        },
        "onboarding_url": None,
    }  # fmt: skip


def _kept(data: SignupBody, enrolled: Sequence[AuthenticatorEnrolled]) -> Sequence[AuthenticatorEnrolled]:
    wanted = None if data.authenticators is None else set(data.authenticators)
    if wanted is not None and (unknown := wanted - {each.credential_id for each in enrolled}):
        raise Invalid(authenticators=f"not enrolled in this signup: {min(unknown)}")
    kept = [each for each in enrolled if wanted is None or each.credential_id in wanted]
    if not kept:
        raise Refused("no_authenticators")
    if len(kept) > MOST_AUTHENTICATORS:
        raise Refused("too_many_authenticators")
    return kept


def _taken(error: asyncpg.UniqueViolationError, slug: str, email: str) -> Refused:
    match error.constraint_name:
        case constraint if constraint == EMAIL_INDEX:
            return Refused("email_taken", f"The address {email} has already been taken.")
        case constraint if constraint == SLUG_INDEX:
            return Refused("slug_taken", f"The slug {slug} has already been taken.")
        case constraint if constraint == CREDENTIAL_INDEX:
            return Refused("invalid_attestation", "One of the security keys belongs to another tenant already.")
        case _:  # the tenant itself is there: somebody has sent the same signup at the same time
            return Refused("challenge_spent", USED)
