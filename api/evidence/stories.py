"""What a CI asks of the stories that a change names: /api/v1/projects/…/ci-stories."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from api.documentation.responses import answers
from api.http.asking import Asker
from api.http.query import StrictQuery
from api.paths import ProjectPath
from api.projects.routes import project_id_of
from api.services import Provided
from domain.errors import Invalid, NotFound
from domain.fields import must_be
from domain.numbering import parse_story_number
from projections.queries.ci_stories import stories_by_number
from projections.rows.projects import find_project

MOST_NUMBERS = 50
STORY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000011",
    "number": "2.1",
    "title": "Rotate keys",
    "agent_status": "reported_done",
    "verified_status": "unverified",
    "evidence": {
        "id": "0193a2b4-0000-7000-8000-000000000061",
        "status": "pass",
        "source": "ci",
        "commit_sha": "9" * 40,
    },
}


class NumbersQuery(StrictQuery, frozen=True, kw_only=True):
    numbers: Annotated[str, Meta(max_length=1000, description="Numbers of stories, at most 50, by comma.")] = ""

    def all(self) -> list[str]:
        """Each once, as stories are numbered. Raises Invalid."""
        said = [each.strip() for each in self.numbers.split(",") if each.strip()]
        found = {number.text: None for each in said if (number := parse_story_number(each))}
        if not said or len(said) > MOST_NUMBERS or not all(map(parse_story_number, said)):
            raise Invalid(numbers=must_be(f"numbers of stories such as 2.1,2.2, at most {MOST_NUMBERS}"))
        return list(found)


@get(
    "/api/v1/projects/{project:str}/ci-stories",
    opt={"access": "agent+", "ci": "read"},
    tags=["Projects"],
    summary="List stories that a change names",
    description="By number, each with where custody stands and its newest evidence; `missing` are numbers that no "
    "story has. Also for a job of the repository that the project trusts, with the token of its issuer, on any ref.",
    responses=answers(200, "The stories", {"data": [STORY], "missing": []}),
)
async def list_ci_stories(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[NumbersQuery]
) -> dict[str, Any]:
    numbers, job = wanted.all(), asking.caller.ci
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        if (job and job.project_id != project_id) or not await find_project(tx, project_id):
            raise NotFound("Not found")
        rows = await stories_by_number(tx, project_id, numbers)
    there = {row["number"] for row in rows}
    return {"data": [_shown(row) for row in rows], "missing": [each for each in numbers if each not in there]}


def _shown(row: Any) -> dict[str, Any]:
    evidence = {
        "id": row["evidence_id"], "status": row["evidence_status"], "source": row["source"],
        "commit_sha": row["commit_sha"],
    }  # fmt: skip
    return {
        "id": row["story_id"],
        **{name: row[name] for name in ("number", "title", "agent_status", "verified_status")},
        "evidence": evidence if row["evidence_id"] else None,
    }


ROUTES: Sequence[HTTPRouteHandler] = (list_ci_stories,)
