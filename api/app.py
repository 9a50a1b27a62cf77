"""The composition root of the HTTP application."""

from collections.abc import Sequence

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from api.access_log import AccessLog
from api.audit.routes import audit_routes
from api.changes.routes import change_routes
from api.direct import GIVEN, TypedRequest
from api.discovery.listing import listed_routes
from api.discovery.routes import discovery_routes
from api.documentation.assets import Assets
from api.documentation.openapi import Documents
from api.documentation.routes import documentation_routes
from api.headers import common_headers
from api.health.routes import health_routes
from api.log.routes import log_routes
from api.log.tiles import tile_routes
from api.metrics import Metrics
from api.orchestrator.routes import orchestrator_routes
from api.projects.routes import project_routes
from api.services import Services
from api.shell import Shell, Surroundings


def create_app(services: Services, *, extra_routes: Sequence[HTTPRouteHandler] = ()) -> Shell:
    """The ASGI application. Raises UndeclaredRoute when a route does not say who may call it."""
    metrics = Metrics(services.settings.metrics_dir)
    documents = Documents(services.version)
    handlers: list[HTTPRouteHandler] = [
        *health_routes(services, metrics),
        *discovery_routes(services, lambda: listed_routes(app)),
        *documentation_routes(documents.encoded, Assets()),
        *project_routes(services),
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
        find_caller=services.find_caller,
    )
