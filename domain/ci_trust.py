"""Which jobs of a CI may speak for a project: issuer, repository, workflow and ref, set by a person of the tenant."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid5

from msgspec import Struct

from domain.errors import NotFound
from domain.event import Event, Events, Recorded
from domain.fields import Problems, must_be
from domain.lifecycle.evidence import CiIdentity

NAMESPACE = UUID("b7a4e5b2-0f0a-5c61-9a57-6f2f1c5f7d10")
LONGEST = 500
REFS = ("refs/heads/", "refs/tags/")
"""Beginnings of what may be trusted: what a pull request brings along is anybody's."""


class CiTrusted(Event, frozen=True, kw_only=True):
    """In the place of what the project trusted before."""

    TAG: ClassVar[str] = "ci_trust.set"
    project_id: UUID
    issuer: str
    repository_id: str
    owner_id: str | None = None
    workflow: str
    ref: str


class CiDistrusted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "ci_trust.removed"
    project_id: UUID


CiTrustEvent = CiTrusted | CiDistrusted
CI_TRUST_EVENTS = Events[CiTrustEvent](CiTrustEvent)


class CiTrust(Struct, frozen=True, kw_only=True):
    """A row of app.ci_trust."""

    trust_id: UUID
    project_id: UUID
    issuer: str
    repository_id: str
    """As the issuer numbers it: names can be given to another repository."""
    owner_id: str | None
    """None: whoever owns it."""
    workflow: str
    """With its ref after an @, or without: then on any ref that is trusted."""
    ref: str
    """In full; a star at its end stands for anything."""
    created_at: datetime
    updated_at: datetime
    position: int


class CiJob(Struct, frozen=True, kw_only=True):
    """Who asks with a token, and what it was run for."""

    identity: CiIdentity
    owner_id: str
    commit_sha: str
    event: str
    """What has started it, as the CI calls it."""
    trusted_event: bool
    """Nothing that somebody outside of the repository can start."""
    project_id: UUID


def trust_id(project_id: UUID) -> UUID:
    """A project has one trust."""
    return uuid5(NAMESPACE, str(project_id))


class WantedTrust(Struct, frozen=True, kw_only=True):
    issuer: str | None
    repository_id: str | None
    owner_id: str | None
    workflow: str | None
    ref: str | None


def set_trust(
    project_id: UUID, now: CiTrust | None, wanted: WantedTrust, issuers: tuple[str, ...]
) -> tuple[Event, ...]:
    """``issuers`` are those that the operator allows. Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    said = {
        name: problems.required(name, getattr(wanted, name), LONGEST)
        for name in ("issuer", "repository_id", "workflow", "ref")
    }
    said_owner = problems.line("owner_id", wanted.owner_id, LONGEST)
    if said["issuer"] and said["issuer"] not in issuers:
        problems.add("issuer", must_be(f"one of {', '.join(issuers)}; the operator adds others (LOOPCTL_CI_ISSUERS)"))
    for name, value in (("repository_id", said["repository_id"]), ("owner_id", said_owner or "1")):
        if value and not (value.isascii() and value.isdigit()):
            problems.add(name, must_be("a number, as the issuer gives it: names can be taken by others"))
    _check_ref(problems, said["ref"])
    if "*" in said["workflow"]:
        problems.add("workflow", must_be("one workflow, without a star"))
    problems.raise_any()
    if now is not None and (now.owner_id == said_owner and all(getattr(now, each) == said[each] for each in said)):
        return ()
    return (CiTrusted(project_id=project_id, owner_id=said_owner, **said),)


def _check_ref(problems: Problems, ref: str) -> None:
    if not ref:
        return
    if not ref.startswith(REFS) or ref in REFS:
        problems.add("ref", must_be("a branch or a tag in full: refs/heads/main, or refs/heads/release/*"))
    elif "*" in ref[:-1] or (ref.endswith("*") and not ref.endswith("/*")):
        problems.add("ref", must_be("one ref, or all that begin alike: a star may stand at the end, after a slash"))


def remove_trust(now: CiTrust | None) -> tuple[Event, ...]:
    """Raises NotFound."""
    if now is None:
        raise NotFound("Not found")
    return (CiDistrusted(project_id=now.project_id),)


def distrusted(trust: CiTrust | None, job: CiJob, *, reading: bool = False) -> str | None:
    """What of the job is not what the project trusts, in words for the job; None for nothing. Who only reads has to be
    of the repository."""
    who = job.identity
    if trust is None or (trust.issuer, trust.repository_id) != (who.issuer, who.repository_id):
        return f"repository {who.repository} ({who.repository_id}) of {who.issuer}"
    if trust.owner_id is not None and trust.owner_id != job.owner_id:
        return f"owner {job.owner_id}"
    return None if reading else _untrusted_run(trust, job)


def _untrusted_run(trust: CiTrust, job: CiJob) -> str | None:
    who = job.identity
    if not job.trusted_event:
        return f"{job.event}, which somebody outside of the repository can start"
    if not _is_ref(trust.ref, who.ref):
        return f"ref {who.ref}"
    if trust.workflow not in (who.workflow, who.workflow.rpartition("@")[0]):
        return f"workflow {who.workflow}"
    return None


def _is_ref(trusted: str, ref: str) -> bool:
    return ref.startswith(trusted[:-1]) and len(ref) >= len(trusted) if trusted.endswith("*") else ref == trusted


def evolve_ci_trust(trust: CiTrust | None, recorded: Recorded) -> CiTrust | None:
    match recorded.event:
        case CiTrusted() as event:
            return CiTrust(
                trust_id=recorded.stream.id, project_id=event.project_id, issuer=event.issuer,
                repository_id=event.repository_id, owner_id=event.owner_id, workflow=event.workflow, ref=event.ref,
                created_at=trust.created_at if trust else recorded.at, updated_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case CiDistrusted():
            return None
        case _:
            return trust
