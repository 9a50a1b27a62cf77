"""Which CI a project trusts: /api/v1/projects/…/ci-trust."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import carry_out, carry_out_removal, no_body, origin
from api.documentation.responses import answers, answers_nothing
from api.evidence.schemas import Text
from api.evidence.tokens import audience
from api.http.asking import Asker, Asking
from api.paths import ProjectPath
from api.projects.routes import RETRYABLE, project_id_of
from api.services import Provided
from api.times import wire_time
from domain.ci_trust import CiTrust, WantedTrust, remove_trust, set_trust, trust_id
from domain.errors import NotFound
from domain.event import Recorded, Stream
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.rows.ci_trusts import CI_TRUSTS, find_trust
from projections.rows.projects import PROJECTS, find_project

TAGS = ["Projects"]
TRUST: dict[str, Any] = {
    "project_id": "0193a2b4-0000-7000-8000-000000000007",
    "issuer": "https://token.actions.githubusercontent.com",
    "repository_id": "74213",
    "owner_id": "9919",
    "workflow": "acme/keys/.github/workflows/ci.yml@refs/heads/main",
    "ref": "refs/heads/main",
    "audience": "urn:loopctl:0193a2b4-0000-7000-8000-000000000001:0193a2b4-0000-7000-8000-000000000007",
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}


class TrustBody(Struct, frozen=True, kw_only=True):
    """Ids are the issuer's numbers. Without an ``owner_id`` a repository that is given away stays trusted."""

    issuer: Text | None = None
    repository_id: Text | int | None = None
    owner_id: Text | int | None = None
    workflow: Text | None = None
    ref: Text | None = None

    def wanted(self) -> WantedTrust:
        repository, owner = (None if each is None else str(each) for each in (self.repository_id, self.owner_id))
        return WantedTrust(
            issuer=self.issuer, repository_id=repository, owner_id=owner, workflow=self.workflow, ref=self.ref
        )  # fmt: skip


@put(
    "/api/v1/projects/{project:str}/ci-trust",
    opt={"access": "user+", "fresh": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Trust a CI",
    description="In the place of what the project trusts: jobs of this workflow of this repository, at this ref, may "
    "post evidence with a token of this issuer whose audience is `audience`. Pull requests are trusted never.",
    responses=answers(200, "What the project trusts", {"ci_trust": TRUST}),
)
async def set_ci_trust(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[TrustBody]
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    stream, there = Stream("ci_trust", trust_id(project_id)), PROJECTS.need(project_id)
    need, issuers = CI_TRUSTS.need(stream.id), tuple(services.settings.issuers())

    def decide(known: Known) -> Sequence[Change]:
        existing(known, there)
        events = set_trust(project_id, known[need], data.wanted(), issuers)
        return [Change(stream, event) for event in events]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=partial(_answer, asking, need), needs=(need, there),
        streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


@get(
    "/api/v1/projects/{project:str}/ci-trust",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show which CI a project trusts",
    description="404 when it trusts none. `audience` is what a job asks its issuer to write into its token.",
    responses=answers(200, "What the project trusts", {"ci_trust": TRUST}),
)
async def show_ci_trust(services: Provided, asking: Asker, project: ProjectPath) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_trust(tx, project_id) if await find_project(tx, project_id) else None
    if found is None:
        raise NotFound("Not found")
    return {"ci_trust": _body(asking.caller.tenant_id, found)}


@delete(
    "/api/v1/projects/{project:str}/ci-trust",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Trust no CI any more",
    description="What was posted stays, and counts as it did.",
    status_code=204,
    responses=answers_nothing(204, "It trusts none"),
)
async def remove_ci_trust(services: Provided, asking: Asker, project: ProjectPath) -> Response[None]:
    stream = Stream("ci_trust", trust_id(await project_id_of(services, asking, project)))
    need = CI_TRUSTS.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in remove_trust(known[need])]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=no_body, needs=(need,), streams=(stream,), status=204
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


def _answer(asking: Asking, need: Need[CiTrust | None], known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    return {"ci_trust": _body(asking.caller.tenant_id, existing(known, need))}


def _body(tenant_id: UUID, trust: CiTrust) -> dict[str, Any]:
    names = ("project_id", "issuer", "repository_id", "owner_id", "workflow", "ref")
    return {
        **{name: getattr(trust, name) for name in names},
        "audience": audience(tenant_id, trust.project_id),
        "inserted_at": wire_time(trust.created_at),
        "updated_at": wire_time(trust.updated_at),
    }


ROUTES: Sequence[HTTPRouteHandler] = (set_ci_trust, show_ci_trust, remove_ci_trust)
