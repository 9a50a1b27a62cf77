"""Costs: what stands out, by day, model, agent, skill version and project, for each verified story, and budgets."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta

from api.costs.analytics import (
    show_agent_costs,
    show_cost_trends,
    show_epic_costs,
    show_model_costs,
    show_project_costs,
)
from api.costs.analytics_schemas import AfterQuery, AgentCostsQuery, CostsQuery, EpicCostsQuery, TrendsQuery
from api.costs.anomalies import list_cost_anomalies
from api.costs.anomaly_schemas import AnomaliesQuery
from api.costs.budget_schemas import BudgetsQuery
from api.costs.budgets import list_token_budgets, list_token_budgets_of_project
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.pages import PageQuery
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.services import Provided
from api.skills.costs import show_skill_costs
from api.skills.routes import list_skills_of_tenant
from api.skills.schemas import SkillsQuery
from api.web.bars import bars
from api.web.names import agent_names
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table

HUNDRED = PageQuery(page_size=100)
MOST_PROJECTS, MOST_SKILLS, MOST_DAYS = 20, 20, 62

Table = Literal["anomalies", "days", "models", "agents", "skills", "projects", "epics", "budgets"]
Day = Annotated[str, Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Rows = Sequence[Mapping[str, Any]]


class ShownCostsQuery(ShownQuery, frozen=True, kw_only=True):
    project: Annotated[str, Meta(max_length=100, description="Slug: only of this project")] = ""
    since: Annotated[Day, Meta(description="From this day on, UTC")] = ""
    until: Annotated[Day, Meta(description="Up to this day, which is in")] = ""
    table: Annotated[Table, Meta(description="Which of the tables, as JSON or CSV")] = "days"

    def only(self) -> dict[str, Any]:
        """As the API's lists take it."""
        return {
            "project_id": self.project or UNSET, "since": self.since or UNSET, "until": self.until or UNSET,
            "page_size": 100,
        }  # fmt: skip


@get("/app/costs", opt=OF_SESSION, include_in_schema=False, summary="What work costs")
async def show_costs(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownCostsQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    projects = await reader.all(list_projects_of_tenant, ProjectsQuery(page_size=100))
    read = Costs(reader, wanted, projects)
    if wanted.format != "html":
        rows = await read.rows(wanted.table)
        return table(rows, wanted.format, wanted.table)
    tables = dict.fromkeys(get_args(Table), ()) | {name: await read.rows(name) for name in read.readable()}
    models = tables["models"]
    return await shown(
        reader, sent_headers, "costs.html", active="costs", wanted=wanted, projects=projects, tables=tables,
        spent=sum(each["total_cost_millicents"] for each in models),
        rework=sum(each["rework_cost_millicents"] for each in models),
        unpriced=sum(each["unpriced_count"] for each in models), reports=sum(each["report_count"] for each in models),
        mismatched=sum(each["mismatch_count"] for each in models), days=bars(tables["days"], MOST_DAYS),
        per_verified=_per_verified(tables["projects"], wanted), most_projects=MOST_PROJECTS,
        measured=measured_of(tables["projects"]),
    )  # fmt: skip


class Costs:
    """The tables of the page, each read with the rights of whoever looks."""

    def __init__(self, reader: Reader, wanted: ShownCostsQuery, projects: Rows) -> None:
        self._reader, self._wanted = reader, wanted
        self._projects = [each for each in projects if wanted.project in ("", each["slug"])]
        self._titles = {each["id"]: each["name"] for each in projects}

    def readable(self) -> Sequence[Table]:
        """What a role may not read is not shown. Epics are those of the chosen project."""
        routes: dict[Table, HTTPRouteHandler] = {
            "days": show_cost_trends, "projects": show_project_costs, "models": show_model_costs,
            "anomalies": list_cost_anomalies, "agents": show_agent_costs, "skills": show_skill_costs,
            "budgets": list_token_budgets,
        }  # fmt: skip
        if self._wanted.project:
            routes["epics"] = show_epic_costs
        return [name for name, route in routes.items() if self._reader.may(route)]

    async def rows(self, name: Table) -> Rows:
        """Raises Refused for a role that may not read it, NotFound for a project that there is not."""
        only, epics = self._wanted.only(), EpicCostsQuery(project_id=self._wanted.project or UNSET, page_size=100)
        lists: dict[str, tuple[HTTPRouteHandler, PageQuery]] = {
            "days": (show_cost_trends, TrendsQuery(**only)), "models": (show_model_costs, CostsQuery(**only)),
            "agents": (show_agent_costs, AgentCostsQuery(**only)), "epics": (show_epic_costs, epics),
            "anomalies": (
                list_cost_anomalies, AnomaliesQuery(project_id=self._wanted.project or UNSET, page_size=100)
            ),
        }  # fmt: skip
        if name in lists:
            return await self._reader.all(*lists[name])
        return await {"projects": self._by_project, "skills": self._skills, "budgets": self._budgets}[name]()

    async def _by_project(self) -> Rows:
        return [await self._project(each) for each in self._projects[:MOST_PROJECTS]]

    async def _project(self, project: Mapping[str, Any]) -> Mapping[str, Any]:
        costs = (await self._reader.read(show_project_costs, project=project["slug"], wanted=AfterQuery()))["data"]
        return {"slug": project["slug"], "name": project["name"], **costs}

    async def _skills(self) -> Rows:
        """A line for each version that a report names."""
        found = await self._reader.read(list_skills_of_tenant, wanted=SkillsQuery(page_size=MOST_SKILLS))
        return [
            {"skill": skill["name"], **version}
            for skill in found["data"]
            for version in await self._reader.all(show_skill_costs, HUNDRED, skill_id=UUID(skill["id"]))
        ]

    async def _budgets(self) -> Rows:
        """With the name of what each is for."""
        if self._wanted.project:
            found = await self._reader.all(list_token_budgets_of_project, HUNDRED, project=self._wanted.project)
        else:
            found = await self._reader.all(list_token_budgets, BudgetsQuery(page_size=100))
        named = {**self._titles, **await agent_names(self._reader)}
        if any(each["scope_type"] == "epic" for each in found):
            epics = await self._reader.all(show_epic_costs, EpicCostsQuery(page_size=100))
            named.update({each["epic_id"]: f"{each['epic_number']} {each['epic_name']}" for each in epics})
        return [{"name": named.get(each["scope_id"], ""), **each} for each in found]


def _per_verified(projects: Rows, wanted: ShownCostsQuery) -> int | None:
    """What a verified story costs, with all that was spent: of all days, so of no choice of days. None without one."""
    verified = sum(each["verified_story_count"] for each in projects)
    if not verified or wanted.since or wanted.until:
        return None
    return int(sum(each["total_cost_millicents"] for each in projects) // verified)


def measured_of(projects: Rows) -> Mapping[str, int]:
    """Millicents by the signal that told them, of all days. All may tell the same calls, so they are not added up."""
    found: dict[str, int] = {}
    for signal, figures in ((name, each) for row in projects for name, each in row["metered"].items() if each):
        found[signal] = found.get(signal, 0) + figures["total_cost_millicents"]
    return found


ROUTES: Sequence[HTTPRouteHandler] = (show_costs,)
