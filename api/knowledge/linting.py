"""The lint of the wiki: what is stale, alone, contradictory, thin, or taught by nothing that is still there."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, UnsetType

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.query import StrictQuery
from api.knowledge.articles import TAGS
from api.knowledge.examples import LINT
from api.paths import ProjectPath
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from api.times import wire_time
from domain.knowledge.lint import ACTIONS, SEVERITIES, Check, clusters, gaps
from projections.queries.article_lint import Linted, lint_articles

LONGEST_DAYS = 36_500
MOST_COVERAGE = 1000
DESCRIBED = (
    "Of published articles; nothing is changed. Each list is cut at max_per_category, summary has the whole counts."
)


class LintOfProjectQuery(StrictQuery, frozen=True, kw_only=True):
    stale_days: Annotated[int, Meta(ge=1, le=LONGEST_DAYS, description="Days without a change; default 90")] = 90
    min_coverage: Annotated[int, Meta(ge=1, le=MOST_COVERAGE, description="Articles of a category; default 3")] = 3
    max_per_category: Annotated[int, Meta(ge=1, le=500, description="Of each list, at most; default 50")] = 50


class LintQuery(LintOfProjectQuery, frozen=True, kw_only=True):
    project_id: Annotated[UUID, Meta(description="Of this project, and of the whole tenant")] | UnsetType = UNSET


@get(
    "/api/v1/knowledge/lint",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Look over the wiki",
    description=DESCRIBED,
    responses=answers(200, "What was found", LINT),
)
async def lint_knowledge(services: Provided, asking: Asker, wanted: NamedDependency[LintQuery]) -> dict[str, Any]:
    project_id = wanted.project_id or None
    await check_there(services, asking, project_id)
    return await _linted(services, asking, wanted, project_id)


@get(
    "/api/v1/projects/{project:str}/knowledge/lint",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Look over what is known for a project",
    description=DESCRIBED,
    responses=answers(200, "What was found", LINT),
)
async def lint_knowledge_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[LintOfProjectQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _linted(services, asking, wanted, project_id)


async def _linted(
    services: Services, asking: Asking, wanted: LintOfProjectQuery, project_id: UUID | None
) -> dict[str, Any]:
    now, most = services.utc_now(), wanted.max_per_category
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await lint_articles(tx, project_id, now - timedelta(days=wanted.stale_days), most)
    return _body(_items(found, wanted, now), found, most, now)


def _items(found: Linted, wanted: LintOfProjectQuery, now: Any) -> Mapping[Check, tuple[Sequence[Any], int]]:
    """By check: what is shown, and how many there are."""
    together, thin = clusters(found.contradictions), gaps(found.counts, wanted.min_coverage)
    return {
        "stale_articles": (
            [_stale(row, now) for row in found.stale.rows],
            found.stale.total,
        ),
        "orphan_articles": (
            [
                {"article_id": row["article_id"], "title": row["title"], "category": row["category"]}
                for row in found.orphans.rows
            ],
            found.orphans.total,
        ),
        "contradiction_clusters": (
            [
                {
                    "article_ids": each.article_ids,
                    "titles": [found.titles[id_] for id_ in each.article_ids],
                    "link_ids": each.link_ids,
                }
                for each in together
            ],
            len(together),
        ),
        "coverage_gaps": (
            [{"category": each.category, "current_count": each.count, "threshold": each.threshold} for each in thin],
            len(thin),
        ),
        "broken_sources": (
            [
                {
                    "article_id": row["article_id"],
                    "title": row["title"],
                    "source_type": row["source_type"],
                    "source_id": row["source_id"],
                }
                for row in found.broken.rows
            ],
            found.broken.total,
        ),
    }


def _stale(row: Any, now: Any) -> dict[str, Any]:
    return {
        "article_id": row["article_id"],
        "title": row["title"],
        "last_updated": wire_time(row["updated_at"]),
        "days_since_update": (now - row["updated_at"]).days,
    }


def _body(items: Mapping[Check, tuple[Sequence[Any], int]], found: Linted, most: int, now: Any) -> dict[str, Any]:
    severities: dict[str, int] = {}
    for check, (_, total) in items.items():
        if total:
            severities[SEVERITIES[check]] = severities.get(SEVERITIES[check], 0) + total
    return {
        "data": {
            check: [
                {**each, "severity": SEVERITIES[check], "suggested_action": ACTIONS[check]} for each in shown[:most]
            ]
            for check, (shown, _) in items.items()
        },
        "summary": {
            "total_articles": sum(found.counts.values()),
            "total_issues": sum(total for _, total in items.values()),
            "issues_by_severity": severities,
            "total_per_category": {check: total for check, (_, total) in items.items()},
            "truncated": {check: total > most for check, (_, total) in items.items()},
            "generated_at": wire_time(now),
        },
    }


ROUTES: Sequence[HTTPRouteHandler] = (lint_knowledge, lint_knowledge_of_project)
