"""/health, /livez and /readyz, which answer even when the process is full, and /metrics, which does not."""

import asyncio
from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from api.health.schemas import Alive, Checks, Health
from api.services import Provided

EXPOSITION = "text/plain; version=0.0.4"
"""The framework adds the charset."""

OPEN = {"access": "public", "always_admitted": True}
FRESH = {"Cache-Control": "no-store"}

WELL = Health("ok", "1.0.0", Checks("ok", "ok", "ok", "ok"))
DEGRADED = Health("degraded", "1.0.0", Checks("error", "ok", "ok", "ok"))


def _spec(kind: type, description: str, example: object) -> ResponseSpec:
    return ResponseSpec(kind, False, description, examples=[Example(value=example)])


@get(
    "/health",
    opt=OPEN,
    tags=["Health"],
    summary="How the service is",
    description="200 when everything works; 503 with the same members when a check fails or the service is sealed.",
    responses={
        200: _spec(Health, "Everything works", WELL),
        503: _spec(Health, "Something does not work", DEGRADED),
    },
)
async def health(services: Provided) -> Response[Health]:
    found = await services.health.look()
    return Response(found, status_code=200 if found.status == "ok" else 503, headers=FRESH)


@get(
    "/livez",
    opt=OPEN,
    tags=["Health"],
    summary="Whether the process answers",
    description="Asks nothing else: a failing database is no reason to restart this process.",
    responses={200: _spec(Alive, "It answers", Alive("ok"))},
)
async def livez() -> Alive:
    return Alive("ok")


@get(
    "/readyz",
    opt=OPEN,
    tags=["Health"],
    summary="Whether requests should be sent here",
    description="200 when the database answers and the service is not sealed, else 503.",
    responses={200: _spec(Alive, "Ready", Alive("ok")), 503: _spec(Alive, "Not ready", Alive("unavailable"))},
)
async def readyz(services: Provided) -> Response[Alive]:
    found = await services.health.look()
    ready = found.checks.database == "ok" and not services.health.sealed
    return Response(Alive("ok" if ready else "unavailable"), status_code=200 if ready else 503, headers=FRESH)


@get(
    "/metrics",
    opt={"access": "public", "any_accept": True},
    tags=["Health"],
    summary="Figures for Prometheus",
    description="Text exposition format. In a service of several processes, the figures of all of them.",
    media_type=EXPOSITION,
    responses={200: ResponseSpec(str, False, "The figures", EXPOSITION)},
)
async def show_metrics(services: Provided) -> bytes:
    return await asyncio.to_thread(services.metrics.text)  # reads the files of all processes


ROUTES: Sequence[HTTPRouteHandler] = (
    health,
    livez,
    readyz,
    show_metrics,
)
