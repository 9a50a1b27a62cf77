"""The composition root of the HTTP application."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from api.admin import routes as admin
from api.agents import routes as agents
from api.api_keys import routes as api_keys
from api.audit import routes as audit
from api.changes import routes as changes
from api.dependencies import reading as dependency_reads
from api.dependencies import routes as dependencies
from api.discovery import routes as discovery
from api.documentation import routes as documentation
from api.epics import reading as epic_reads
from api.epics import routes as epics
from api.health import routes as health
from api.http.asking import Gate
from api.http.endpoints import GIVEN
from api.http.exchange import common_headers
from api.http.recording import AccessLog
from api.http.shell import Shell, Surroundings
from api.lifecycle import bulk, implementer, judges, next_claim, records
from api.log import routes as log
from api.log import tiles
from api.orchestrator import routes as orchestrator
from api.projects import routes as projects
from api.queues import routes as queues
from api.services import Services
from api.stories import criteria
from api.stories import reading as story_reads
from api.stories import routes as stories
from api.tenants import routes as tenants
from api.transfer import routes as transfer
from domain.tenant import Tenant
from projections.rows.tenants import find_tenant

NOUNS = (
    health, discovery, documentation, tenants, admin, api_keys, agents, projects, implementer, judges, records, bulk,
    next_claim, epics, epic_reads, stories, story_reads, criteria, dependencies, dependency_reads, queues, transfer,
    audit, changes, orchestrator, log, tiles,
)  # fmt: skip
"""Modules with ``ROUTES``."""


def create_app(services: Services, *, extra_routes: Sequence[HTTPRouteHandler] = ()) -> Shell:
    """The ASGI application. Raises UndeclaredRoute when a route does not say who may call it."""
    handlers: list[HTTPRouteHandler] = [route for noun in NOUNS for route in noun.ROUTES]
    handlers += extra_routes
    services.documents.describe(handlers)
    app = Litestar(
        handlers, dependencies=GIVEN, debug=False, logging_config=None, openapi_config=None, pdb_on_exception=False
    )
    return Shell(app, _surroundings(services), services)


def _surroundings(services: Services) -> Surroundings:
    return Surroundings(
        limits=services.limits,
        metrics=services.metrics,
        access_log=AccessLog(services.log, services.settings.log_level),
        clock=services.clock,
        common_headers=common_headers(secure=services.settings.base_url().startswith("https://")),
        gate=Gate(
            find_caller=services.find_caller,
            find_tenant=partial(_tenant, services),
            check_rate=services.check_rate,
            is_current=services.callers_are_current,
            note=services.note_caller,
        ),
    )


async def _tenant(services: Services, tenant_id: UUID) -> Tenant | None:
    async with services.reading(tenant_id) as tx:
        return await find_tenant(tx)
