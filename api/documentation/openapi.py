"""The OpenAPI document: Litestar's reading of the handlers, with our errors, our envelope and no schema of its own."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from msgspec import Struct

from api.discovery.schemas import RouteEntry
from api.documentation.bodies import complete, example_of
from api.documentation.envelope import ENVELOPE, PROBLEM, error_response
from api.documentation.three_zero import as_three_zero
from api.http.codes import CODES
from api.http.endpoints import GIVEN, query_type

DESCRIPTION = (
    "State store of an AI development loop: agents say what they did, others confirm it, and a log that anyone can "
    "check keeps both. Every error has a stable code; send `Accept: application/problem+json` for RFC 9457."
)

EVERYWHERE = (
    "bad_request", "request_timeout", "payload_too_large", "uri_too_long", "rate_limited", "headers_too_large",
    "internal_error", "deadline_exceeded",
)  # fmt: skip
"""A route that takes no body still refuses one that is too long or too slow; one connection can ask too much."""
WITH_ADMISSION = ("too_many_at_once", "overloaded")
WITH_JSON = ("not_acceptable",)
WITH_BODY = ("unsupported_media_type", "validation_failed")
WITH_KEY = ("unauthorized", "invalid_api_key", "tenant_inactive", "insufficient_role")
IN_A_TENANT = ("tenant_context_required",)
PLACEHOLDER = re.compile(r"\{([^:{}]+)(?::[^{}]*)?\}")
"""Of a parameter in a path, with its type."""
WITH_CUSTODY = ("impersonation_refused",)


class Documents:
    """Made from the handlers when it is first asked for, because most processes are never asked. That takes a second or
    more of processor time: in a thread, so that everybody else gets turns meanwhile."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._handlers: Sequence[HTTPRouteHandler] = ()
        self._making: asyncio.Task[dict[str, bytes]] | None = None

    def describe(self, handlers: Sequence[HTTPRouteHandler]) -> None:
        self._handlers = handlers

    def routes(self) -> Sequence[RouteEntry]:
        """Every route, sorted by path, then method."""
        found = [
            RouteEntry(method, PLACEHOLDER.sub(r":\1", path), handler.summary or "", handler.opt["access"])
            for handler in self._handlers
            for path in handler.paths
            for method in handler.http_methods
        ]
        return sorted(found, key=lambda entry: (entry.path, entry.method))

    async def encoded(self, version: str) -> bytes:
        """``version`` is 3.0 or 3.1. Who no longer waits for it does not stop it being made."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._made))
        return (await asyncio.shield(self._making))[version]

    def _made(self) -> dict[str, bytes]:
        document = openapi_document(self._handlers, self._version)
        return {"3.1": json.dumps(document).encode(), "3.0": json.dumps(as_three_zero(document)).encode()}


def openapi_document(handlers: Sequence[HTTPRouteHandler], version: str) -> dict[str, Any]:
    """OpenAPI 3.1. A second application reads the handlers, so that the served one has no route for documents."""
    config = OpenAPIConfig(
        title="loopctl",
        version=version,
        description=DESCRIPTION,
        operation_id_creator=_operation_id,
        render_plugins=[JsonRenderPlugin()],
    )
    reader = Litestar(
        list(handlers), openapi_config=config, logging_config=None, debug=False, pdb_on_exception=False,
        dependencies=GIVEN,
    )  # fmt: skip
    # Through JSON: what Litestar hands out is shared between its own parts.
    document: dict[str, Any] = json.loads(json.dumps(reader.openapi_schema.to_schema(), default=msgspec.to_builtins))
    shared: dict[str, Any] = {}
    for path, method, handler in _operations(reader):
        if (query := query_type(handler)) is not None:
            document["paths"][path][method].setdefault("parameters", []).extend(query_parameters(query))
        _show_whole(document["paths"][path][method]["responses"], handler)
        _complete(document["paths"][path][method], handler.opt, shared)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({"Error": ENVELOPE, "Problem": PROBLEM})
    complete(components["schemas"])
    components["responses"] = dict(sorted(shared.items()))
    components["securitySchemes"] = {"BearerAuth": {"type": "http", "scheme": "bearer"}}
    return document


def query_parameters(query: type[Struct]) -> list[dict[str, Any]]:
    """Each field of a Struct that a handler takes as ``wanted``; the text of its Meta describes it."""
    _, components = msgspec.json.schema_components([query])
    described = components[query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in described.get("required", ()),
            "description": schema.pop("description", name.replace("_", " ")),
            "schema": schema,
        }
        for name, schema in described["properties"].items()
    ]


def _operations(reader: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in reader.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    yield from ((route.path_format, method.lower(), handler) for method in handler.http_methods)


def _operation_id(handler: HTTPRouteHandler, method: str, _: object) -> str:
    name = str(handler.fn.__name__)
    return name if len(handler.http_methods) == 1 else f"{name}_{method.lower()}"


def _show_whole(responses: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """The framework leaves members that are null out of examples; in an answer they are there."""
    for status, said in (handler.responses or {}).items():
        for content in responses[str(status)].get("content", {}).values():
            for shown, given in zip(content.get("examples", {}).values(), said.examples or (), strict=False):
                shown["value"] = json.loads(msgspec.json.encode(given.value))


def _complete(operation: dict[str, Any], opt: dict[str, Any], shared: dict[str, Any]) -> None:
    """``shared`` collects the error responses, which most operations have in common."""
    operation["security"] = [] if opt["access"] == "public" else [{"BearerAuth": []}]
    operation["x-role"] = opt["access"]
    if body := operation.get("requestBody"):
        content = body["content"]["application/json"]
        if (example := example_of(content["schema"])) is not None:
            content["example"] = example
    responses = operation["responses"]
    responses.pop("400", None)  # the framework's own validation error, which no client ever sees
    by_status: dict[str, list[str]] = {}
    for code in dict.fromkeys(_codes(operation, opt)):
        by_status.setdefault(str(CODES[code].status), []).append(code)
    for status, codes in by_status.items():
        if status in responses:
            _or_error(responses[status], codes)
        else:
            name = ".".join(codes)
            shared[name] = error_response(codes)
            responses[status] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = dict(sorted(responses.items()))


def _or_error(response: dict[str, Any], codes: Sequence[str]) -> None:
    """The route has an answer of its own with this status."""
    response["description"] += "; or: " + error_response(codes)["description"]
    own = response["content"]["application/json"]
    own["schema"] = {"anyOf": [own["schema"], {"$ref": "#/components/schemas/Error"}]}


def _codes(operation: dict[str, Any], opt: dict[str, Any]) -> list[str]:
    codes = list(EVERYWHERE)
    if not opt.get("always_admitted"):
        codes += WITH_ADMISSION
    if not opt.get("any_accept"):
        codes += WITH_JSON
    if "requestBody" in operation:
        codes += WITH_BODY
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        codes.append("not_found")
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        codes.append("validation_failed")
    if opt["access"] != "public":
        codes += WITH_KEY
    if opt["access"] not in ("public", "=superadmin"):
        codes += IN_A_TENANT
    if opt.get("fresh"):
        codes += ["webauthn_required", "webauthn_failed"]
    if opt.get("custody"):
        codes += WITH_CUSTODY
    return codes + list(opt.get("errors", ()))
