"""A CI's OIDC token: whether its issuer has signed it, for this service, now, and what it says of the job.

PyJWT checks signature, audience, issuer and times; which algorithm, which keys, and what has to be there are said here.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import jwt
import msgspec
from msgspec import Struct

from api.evidence.issuer_keys import ALGORITHM, IssuerKeys
from api.http.refusal import Refused
from config.issuers import Kind
from domain.ci_trust import CiJob
from domain.lifecycle.evidence import CiIdentity

AUDIENCE = "urn:loopctl:"
LEEWAY_SECONDS = 30
LONGEST_LIFE_SECONDS = 86_400
LONGEST_CLAIM = 500
REQUIRED = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti")

EVENTS: Mapping[Kind, frozenset[str]] = {
    "github": frozenset({"push", "workflow_dispatch", "schedule", "merge_group"}),
    "gitlab": frozenset({"push", "web", "schedule", "api"}),
}
"""What only those start who may write to the repository. A pull request may come from a fork."""
CLAIMS: Mapping[Kind, Mapping[str, str]] = {
    "github": {
        "repository": "repository", "repository_id": "repository_id", "owner_id": "repository_owner_id", "ref": "ref",
        "workflow": "job_workflow_ref", "commit_sha": "sha", "event": "event_name", "run_id": "run_id",
    },
    "gitlab": {
        "repository": "project_path", "repository_id": "project_id", "owner_id": "namespace_id", "ref": "ref_path",
        "workflow": "ci_config_ref_uri", "commit_sha": "sha", "event": "pipeline_source", "run_id": "pipeline_id",
    },
}  # fmt: skip
"""How each calls what is asked of a job."""


class Checked(Struct, frozen=True):
    """Whose project the token is for, by its audience, and whose job has it."""

    tenant_id: UUID
    job: CiJob


def audience(tenant_id: UUID, project_id: UUID) -> str:
    """What a job asks its issuer to write into the token: for one project of one tenant."""
    return f"{AUDIENCE}{tenant_id}:{project_id}"


def looks_like_token(presented: str) -> bool:
    """A key of ours has no dots."""
    return presented.count(".") == 2


async def check_token(keys: IssuerKeys, issuers: Mapping[str, Kind], token: str) -> Checked:
    """Raises Refused (ci_token_refused, ci_issuer_unavailable)."""
    header, unchecked = _read(token)
    if header.get("alg") != ALGORITHM:
        raise refused(f"it is signed with {_shown(header.get('alg'))}, and only {ALGORITHM} is taken")
    issuer, kid = unchecked.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or issuer not in issuers:
        raise refused(f"its issuer {_shown(issuer)} is none that this service knows")
    if not isinstance(kid, str) or not kid:
        raise refused("it does not say by which key it is signed")
    tenant_id, project_id = _meant(unchecked.get("aud"))
    claims = _checked(token, await keys.find(issuer, kid), issuer, audience(tenant_id, project_id))
    if claims["exp"] - claims["iat"] > LONGEST_LIFE_SECONDS:
        raise refused("it is good for more than a day")
    said = {name: _claim(claims, of) for name, of in CLAIMS[issuers[issuer]].items()}
    return Checked(
        tenant_id,
        CiJob(
            identity=CiIdentity(
                issuer=issuer, repository=said["repository"], repository_id=said["repository_id"], ref=said["ref"],
                workflow=said["workflow"], run_id=said["run_id"], jti=_claim(claims, "jti"),
            ),
            owner_id=said["owner_id"], commit_sha=said["commit_sha"].lower(), event=said["event"],
            trusted_event=said["event"] in EVENTS[issuers[issuer]], project_id=project_id,
        ),
    )  # fmt: skip


def _read(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, of which nothing is believed yet."""
    try:
        return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise refused("it cannot be read") from None


def _checked(token: str, key: Any, issuer: str, meant: str) -> Mapping[str, Any]:
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token, key, algorithms=[ALGORITHM], audience=meant, issuer=issuer, leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED), "strict_aud": True},
        )  # fmt: skip
    except jwt.ExpiredSignatureError:
        raise refused("it has expired") from None
    except jwt.ImmatureSignatureError:
        raise refused("it is not good yet") from None
    except jwt.InvalidSignatureError:
        raise refused("its signature is not that of its issuer") from None
    except jwt.MissingRequiredClaimError as error:
        raise refused(f"it does not say {error.claim}") from None
    except (jwt.PyJWTError, ValueError):
        raise refused("it does not hold to the rules of its kind") from None
    return claims


def _meant(aud: object) -> tuple[UUID, UUID]:
    """Tenant and project of the audience."""
    if isinstance(aud, str) and aud.startswith(AUDIENCE):
        tenant, _, project = aud.removeprefix(AUDIENCE).partition(":")
        try:
            found = UUID(tenant), UUID(project)
        except ValueError:
            found = None
        if found and aud == audience(*found):
            return found
    raise refused(f"its audience is {_shown(aud)}, and not {AUDIENCE}TENANT:PROJECT of a project")


def _claim(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_CLAIM or not text.isprintable():
        raise refused(f"it does not say {name}")
    return text


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()[:120] if isinstance(value, str | int | list | None) else "?"


def refused(why: str) -> Refused:
    return Refused("ci_token_refused", f"The CI's token is refused: {why}.")
