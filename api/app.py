"""The composition root of the HTTP application."""

from collections.abc import Sequence
from functools import lru_cache, partial
from uuid import UUID

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from api.admin import authenticators as admin_authenticators
from api.admin import routes as admin
from api.admin import violators
from api.agents import routes as agents
from api.api_keys import routes as api_keys
from api.audit import erasing
from api.audit import routes as audit
from api.authenticators import routes as authenticators
from api.ceremonies import routes as ceremonies
from api.changes import routes as changes
from api.costs import analytics as cost_analytics
from api.costs import anomalies as cost_anomalies
from api.costs import behaviour
from api.costs import budgets as token_budgets
from api.costs import usage as token_usage
from api.dependencies import reading as dependency_reads
from api.dependencies import routes as dependencies
from api.discovery import routes as discovery
from api.dispatches import routes as dispatches
from api.documentation import routes as documentation
from api.epics import reading as epic_reads
from api.epics import routes as epics
from api.evidence import routes as evidence
from api.evidence import stories as ci_stories
from api.evidence import trust as ci_trust
from api.evidence.callers import callers_of_ci
from api.health import routes as health
from api.http.asking import Gate
from api.http.endpoints import GIVEN
from api.http.exchange import common_headers
from api.http.recording import AccessLog
from api.http.shell import Shell, Surroundings
from api.http.witness import Witnessing
from api.knowledge import analytics as knowledge_analytics
from api.knowledge import articles, curating, finding, ingesting, linting, pipeline
from api.knowledge import exporting as knowledge_export
from api.lifecycle import bulk, drawing, implementer, judges, next_claim, records, recovering, runs
from api.log import keys as log_keys
from api.log import routes as log
from api.log import stories as log_stories
from api.log import tiles, witness
from api.mcp import routes as mcp
from api.mcp.other_methods import OTHER_METHODS
from api.not_built import NOT_BUILT
from api.orchestrator import routes as orchestrator
from api.otlp import routes as otlp
from api.projects import routes as projects
from api.queues import routes as queues
from api.recovery import cancelling, opening, using
from api.services import Services
from api.signup import routes as signup
from api.skills import costs as skill_costs
from api.skills import routes as skills
from api.skills import versions as skill_versions
from api.stories import comments, criteria
from api.stories import reading as story_reads
from api.stories import routes as stories
from api.tenants import halts
from api.tenants import routes as tenants
from api.transfer import routes as transfer
from api.ui_test_runs import guided as ui_tests
from api.ui_test_runs import routes as ui_test_runs
from api.verify import routes as verify
from api.web import admin as web_admin
from api.web import agents as web_agents
from api.web import board, custody, graph, inbox, live, login, onboarding, overview, public, settings, story
from api.web import costs as web_costs
from api.web import knowledge as web_knowledge
from api.web import routes as web
from api.web import webhooks as web_webhooks
from api.web.errors import error_page
from api.web.visitors import find_visitor
from api.webhooks import deliveries as webhook_deliveries
from api.webhooks import routes as webhooks
from api.wiki import routes as wiki
from domain.tenant import Tenant
from projections.rows.tenants import find_tenant

NOUNS = (
    health, discovery, documentation, signup, tenants, authenticators, ceremonies, halts, admin, violators, api_keys,
    skills, skill_versions, skill_costs, ui_tests, ui_test_runs,
    articles, curating, finding, ingesting, linting, knowledge_export, pipeline,
    knowledge_analytics,
    agents, dispatches, projects, implementer, judges, recovering, drawing, records, runs, bulk,
    evidence, ci_trust, ci_stories, next_claim, epics,
    token_usage,
    token_budgets,
    cost_analytics,
    cost_anomalies,
    behaviour,
    otlp,
    epic_reads, stories, story_reads, criteria, comments, dependencies, dependency_reads, queues, transfer, audit,
    erasing, changes, orchestrator, admin_authenticators, opening, cancelling, using, log, log_keys, log_stories,
    witness, tiles, webhooks, webhook_deliveries, web, verify, mcp,
    wiki,
    public, login, onboarding, overview, board, live, graph, story, inbox, web_costs, web_agents, web_webhooks,
    settings, custody, web_admin, web_knowledge,
)  # fmt: skip
"""Modules with ``ROUTES``."""


def create_app(services: Services, *, extra_routes: Sequence[HTTPRouteHandler] = ()) -> Shell:
    """The ASGI application. Raises UndeclaredRoute when a route does not say who may call it."""
    handlers = (*(route for noun in NOUNS for route in noun.ROUTES), *extra_routes)
    services.documents.describe(handlers)
    return Shell(_routed(handlers), _surroundings(services), services)


@lru_cache(maxsize=8)
def _routed(handlers: tuple[HTTPRouteHandler, ...]) -> Litestar:
    """It knows no services, so that those who make many applications, as tests do, wait for it once."""
    return Litestar(
        [*handlers, *OTHER_METHODS, *NOT_BUILT],
        dependencies=GIVEN,
        debug=False,
        logging_config=None,
        openapi_config=None,
        pdb_on_exception=False,
    )


def _surroundings(services: Services) -> Surroundings:
    return Surroundings(
        limits=services.limits,
        metrics=services.metrics,
        access_log=AccessLog(services.log, services.settings.log_level),
        clock=services.clock,
        common_headers=common_headers(secure=services.settings.base_url().startswith("https://")),
        error_page=error_page,
        gate=Gate(
            find_caller=services.find_caller,
            find_visitor=partial(find_visitor, services),
            find_ci=callers_of_ci(services, services.egress),
            find_tenant=partial(_tenant, services),
            check_rate=services.check_rate,
            mark_of=services.mark_of_callers,
            marked=services.callers_marked,
            failed_keys=services.failed_keys,
            judged_locally=services.metrics.judged_locally,
            witnessing=Witnessing(
                services.log_reader.standing,
                partial(witness.judge_head, services),
                partial(witness.keep_cosignature, services),
                services.clock,
                {},
            ),
            note=services.note_caller,
        ),
    )


async def _tenant(services: Services, tenant_id: UUID) -> Tenant | None:
    async with services.reading(tenant_id) as tx:
        return await find_tenant(tx)
