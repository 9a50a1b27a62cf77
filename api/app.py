"""The composition root of the HTTP application."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from api.admin.routes import admin_routes
from api.agents.routes import agent_routes
from api.api_keys.routes import api_key_routes
from api.audit.routes import audit_routes
from api.changes.routes import change_routes
from api.dependencies.reading import dependency_reads
from api.dependencies.routes import dependency_routes
from api.discovery.listing import listed_routes
from api.discovery.routes import discovery_routes
from api.documentation.assets import Assets
from api.documentation.openapi import Documents
from api.documentation.routes import documentation_routes
from api.epics.reading import epic_reads
from api.epics.routes import epic_routes
from api.health.routes import health_routes
from api.http.access_log import AccessLog
from api.http.calling import GIVEN, TypedRequest
from api.http.gate import Gate
from api.http.headers import common_headers
from api.http.metrics import Metrics
from api.http.shell import Shell, Surroundings
from api.lifecycle.bulk import bulk_routes
from api.lifecycle.implementer import working_routes
from api.lifecycle.judges import confirming_routes
from api.lifecycle.next_claim import next_claim_routes
from api.lifecycle.records import record_routes
from api.log.routes import log_routes
from api.log.tiles import tile_routes
from api.orchestrator.routes import orchestrator_routes
from api.projects.routes import project_routes
from api.queues.routes import queue_routes
from api.services import Services
from api.stories.criteria import criteria_routes
from api.stories.reading import story_reads
from api.stories.routes import story_routes
from api.tenants.routes import tenant_routes
from api.transfer.routes import transfer_routes
from domain.tenant import Tenant
from projections.rows.tenants import find_tenant


def create_app(services: Services, *, extra_routes: Sequence[HTTPRouteHandler] = ()) -> Shell:
    """The ASGI application. Raises UndeclaredRoute when a route does not say who may call it."""
    metrics = Metrics(services.settings.metrics_dir)
    documents = Documents(services.version)
    handlers: list[HTTPRouteHandler] = [
        *health_routes(services, metrics),
        *discovery_routes(services, lambda: listed_routes(app)),
        *documentation_routes(documents.encoded, Assets()),
        *tenant_routes(services),
        *admin_routes(services),
        *api_key_routes(services),
        *agent_routes(services),
        *project_routes(services),
        *working_routes(services),
        *confirming_routes(services),
        *record_routes(services),
        *bulk_routes(services),
        *next_claim_routes(services),
        *epic_routes(services),
        *epic_reads(services),
        *story_routes(services),
        *story_reads(services),
        *criteria_routes(services),
        *dependency_routes(services),
        *dependency_reads(services),
        *queue_routes(services),
        *transfer_routes(services),
        *audit_routes(services),
        *change_routes(services),
        *orchestrator_routes(services),
        *log_routes(services.log_reader),
        *tile_routes(services.log_reader),
        *extra_routes,
    ]
    documents.describe(handlers)
    app = Litestar(
        handlers,
        dependencies=GIVEN,
        debug=False,
        logging_config=None,
        openapi_config=None,
        pdb_on_exception=False,
        request_class=TypedRequest,
        request_max_body_size=None,  # the shell has read the body within its own limit
    )
    return Shell(app, _surroundings(services, metrics))


def _surroundings(services: Services, metrics: Metrics) -> Surroundings:
    return Surroundings(
        limits=services.limits,
        metrics=metrics,
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
