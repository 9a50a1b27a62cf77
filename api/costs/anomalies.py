"""Stories that cost far more or far less than others: /api/v1/cost-anomalies (spec 02, section 5)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, patch
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.costs.anomaly_schemas import AnomaliesQuery, ProjectAnomaliesQuery, SettleAnomalyBody, anomaly_body
from api.costs.examples import ANOMALY, SETTLED_ANOMALY
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import page_of
from api.paths import AnomalyPath, ProjectPath
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.event import Stream
from domain.usage.anomaly import settle_anomaly
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.rows.cost_anomalies import ANOMALIES, OPEN_ANOMALY, AnomalyFilter, list_anomalies

TAGS = ["Costs"]


@get(
    "/api/v1/cost-anomalies",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List stories that cost far more or less than others",
    description="Or more than their budget, or of which far more was measured than reported. Newest first, without "
    "those that are resolved or archived. The multipliers are settings of the tenant: cost_anomaly_high_multiplier, "
    "cost_anomaly_low_multiplier and cost_anomaly_metered_multiplier.",
    responses=answers(200, "A page of anomalies", {"data": [ANOMALY], "meta": META}),
)
async def list_cost_anomalies(
    services: Provided, asking: Asker, wanted: NamedDependency[AnomaliesQuery]
) -> dict[str, Any]:
    return await _list(services, asking, wanted, wanted.project_id or None)


@get(
    "/api/v1/projects/{project:str}/cost-anomalies",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List stories of a project that cost far more or less than others",
    responses=answers(200, "A page of anomalies", {"data": [ANOMALY], "meta": META}),
)
async def list_cost_anomalies_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[ProjectAnomaliesQuery]
) -> dict[str, Any]:
    return await _list(services, asking, wanted, project)


async def _list(
    services: Services, asking: Asking, wanted: ProjectAnomaliesQuery, project: str | None
) -> dict[str, Any]:
    """Raises NotFound."""
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    project_id: UUID | None = None
    if project is not None:
        project_id = await project_id_of(services, asking, project)
        await check_there(services, asking, project_id)
    only = AnomalyFilter(
        resolved=wanted.resolved, include_archived=wanted.include_archived, anomaly_type=wanted.anomaly_type or None,
        project_id=project_id,
    )  # fmt: skip
    async with services.reading(tenant_id) as tx:
        found, total = await list_anomalies(tx, only, page.limit, page.offset)
    return page.answer(
        [
            {
                **anomaly_body(tenant_id, each.anomaly), "story_title": each.title, "agent_id": each.agent_id,
                "agent_name": each.agent_name,
            }
            for each in found
        ],
        total,
    )  # fmt: skip


@patch(
    "/api/v1/cost-anomalies/{anomaly_id:uuid}",
    opt={"access": "user+", "errors": ("conflict", "idempotency_key_reused")},
    tags=TAGS,
    summary="Resolve an anomaly of cost, or archive it",
    description="Without members it is resolved. What is resolved and shows again becomes another anomaly.",
    status_code=200,
    responses=answers(200, "The anomaly", {"cost_anomaly": SETTLED_ANOMALY}),
)
async def settle_cost_anomaly(
    services: Provided, asking: Asker, anomaly_id: AnomalyPath, data: JSONBody[SettleAnomalyBody]
) -> Response[bytes]:
    stream, need, wish = Stream("cost_anomaly", anomaly_id), ANOMALIES.need(anomaly_id), data.wish()

    def following(known: Known) -> Sequence[Need[Any]]:
        anomaly = known[need]
        return [OPEN_ANOMALY.need((anomaly.story_id, anomaly.anomaly_type))] if anomaly else []

    def decide(known: Known) -> Sequence[Change]:
        anomaly = existing(known, need)
        there = known[OPEN_ANOMALY.need((anomaly.story_id, anomaly.anomaly_type))]
        return [Change(stream, event) for event in settle_anomaly(anomaly, wish, there)]

    def answer(known: Known, _: Sequence[Any]) -> dict[str, Any]:
        return {"cost_anomaly": anomaly_body(asking.caller.tenant_id, existing(known, need))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,), following=following,
        streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (list_cost_anomalies, list_cost_anomalies_of_project, settle_cost_anomaly)
