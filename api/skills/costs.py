"""What the versions of a skill cost, and which of them cost far more than the one before."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import PageQuery, page_of
from api.paths import SkillPath
from api.projects.examples import META
from api.services import Provided, Services
from api.skills.examples import COST
from domain.errors import NotFound
from domain.skill_costs import Rule, VersionCost, costs_of_versions, verification_rate
from domain.tenant_settings import read_settings
from eventstore.database.transaction import TenantTx
from projections.queries.skill_costs import version_figures
from projections.rows.skills import SKILLS
from projections.rows.tenants import TENANTS

TAGS = ["Skills"]


@get(
    "/api/v1/skills/{skill_id:uuid}/cost-performance",
    opt={"access": "user+"},
    tags=TAGS,
    summary="Show what the versions of a skill cost",
    description="One line for each version that reports of token usage name, against the nearest one below. A "
    "regression is more than skill_regression_factor (2) times as much, over skill_regression_min_invocations (3) or "
    "more.",
    responses=answers(200, "A page of versions with reports", {"data": [COST], "meta": META}),
)
async def show_skill_costs(
    services: Provided, asking: Asker, skill_id: SkillPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    return await _page(services, asking, skill_id, wanted, lambda _: True)


@get(
    "/api/v1/skills/{skill_id:uuid}/cost-regression",
    opt={"access": "user+"},
    tags=TAGS,
    summary="Show which versions of a skill cost far more than the one before",
    responses=answers(200, "A page of versions", {"data": [COST], "meta": META}),
)
async def show_skill_regressions(
    services: Provided, asking: Asker, skill_id: SkillPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    return await _page(services, asking, skill_id, wanted, lambda cost: cost.regressed)


async def regression_rule(tx: TenantTx) -> Rule:
    """As the tenant's settings have it."""
    settings = read_settings((await TENANTS.load(tx, [tx.tenant_id]))[tx.tenant_id].settings)
    return Rule(settings.skill_regression_factor, settings.skill_regression_min_invocations)


async def _page(
    services: Services, asking: Asking, skill_id: UUID, wanted: PageQuery, shown: Callable[[VersionCost], bool]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await SKILLS.load(tx, [skill_id]):
            raise NotFound("Not found")
        costs = costs_of_versions(await version_figures(tx, skill_id), await regression_rule(tx))
    found = [each for each in costs if shown(each)]
    return page.answer([_body(each) for each in page.of(found)], len(found))


def _body(cost: VersionCost) -> dict[str, Any]:
    figures = cost.figures
    return {
        "version_number": figures.version,
        "total_invocations": figures.invocations,
        "unpriced_invocations": figures.invocations - figures.priced,
        "total_cost_millicents": figures.cost_millicents,
        "avg_cost_per_invocation_millicents": cost.average_cost,
        "total_tokens": figures.tokens,
        "avg_tokens_per_invocation": cost.average_tokens,
        "stories_verified_count": figures.verified,
        "stories_rejected_count": figures.rejected,
        "verification_rate_pct": verification_rate(figures),
        "cost_change_pct": cost.cost_change_pct,
        "token_change_pct": cost.token_change_pct,
        "cost_regression": cost.cost_regression,
        "token_regression": cost.token_regression,
    }


def cost_summary(cost: VersionCost | None) -> dict[str, Any] | None:
    """Of one version, as it is shown with it; None where no report names it."""
    return None if cost is None else {name: value for name, value in _body(cost).items() if name in SUMMARY}


SUMMARY = (
    "version_number", "total_invocations", "total_cost_millicents", "avg_cost_per_invocation_millicents",
)  # fmt: skip

ROUTES: Sequence[HTTPRouteHandler] = (
    show_skill_costs,
    show_skill_regressions,
)
