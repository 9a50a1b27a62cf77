"""/health, /livez, /readyz and /metrics."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.asgi import ask, made
from tests.support.services import SealIs

SEALED = SealIs(sealed=True, reason="No key-encryption key is configured.")


async def fails() -> None:
    raise RuntimeError("password=hunter2")


async def test_health_when_everything_works() -> None:
    answer = await ask(made(), "/health")
    assert answer.status == 200
    assert answer.json() == {
        "status": "ok",
        "version": "1.2.3",
        "checks": {"database": "ok", "jobs": "ok", "redis": "ok", "oban": "ok"},
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("broken", "names"), [("database", ["database"]), ("redis", ["redis"]), ("jobs", ["jobs", "oban"])]
)
async def test_health_names_what_does_not_work_and_nothing_of_why(broken: str, names: list[str]) -> None:
    services: dict[str, Any] = {broken: fails}
    answer = await ask(made(**services), "/health")
    assert (answer.status, answer.json()["status"]) == (503, "degraded")
    assert [name for name, state in answer.json()["checks"].items() if state == "error"] == names
    assert b"hunter2" not in answer.body


async def test_a_sealed_service_says_so_and_why() -> None:
    answer = await ask(made(seal=lambda: SEALED), "/health")
    assert (answer.status, answer.json()["status"]) == (503, "sealed")
    assert answer.json()["reason"] == "No key-encryption key is configured."
    assert set(answer.json()["checks"].values()) == {"ok"}


async def test_what_is_broken_comes_before_what_is_sealed() -> None:
    answer = await ask(made(seal=lambda: SEALED, database=fails), "/health")
    assert answer.json()["status"] == "degraded"


async def nothing() -> None:
    """Works."""


@pytest.mark.parametrize(("probe", "said", "status"), [(nothing, "ok", 200), (fails, "error", 503)])
async def test_replication_is_said_where_it_is_demanded(probe: Any, said: str, status: int) -> None:
    answer = await ask(made(replication=probe), "/health")
    assert (answer.status, answer.json()["checks"]["replication"]) == (status, said)


def counted() -> tuple[list[None], Callable[[], Awaitable[None]]]:
    calls: list[None] = []

    async def probe() -> None:
        calls.append(None)
        await asyncio.sleep(0.02)

    return calls, probe


async def test_many_who_ask_at_once_cost_one_question() -> None:
    calls, probe = counted()
    app = made(database=probe)
    answers = await asyncio.gather(*(ask(app, "/health") for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len(calls) == 1


async def test_an_answer_is_good_for_a_second() -> None:
    calls, probe = counted()
    clock = [100.0]
    app = made(database=probe, clock=lambda: clock[0])
    for clock[0], expected in ((100.0, 1), (100.9, 1), (101.1, 2)):
        await ask(app, "/health")
        assert len(calls) == expected


async def test_the_process_is_alive_whatever_the_database_does() -> None:
    answer = await ask(made(database=fails, seal=lambda: SEALED), "/livez")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("services", "status"),
    [({}, 200), ({"database": fails}, 503), ({"seal": lambda: SEALED}, 503), ({"jobs": fails}, 200)],
)
async def test_it_is_ready_when_it_can_serve(services: dict[str, Any], status: int) -> None:
    assert (await ask(made(**services), "/readyz")).status == status


async def test_metrics_count_requests_by_route_and_not_by_path() -> None:
    app = made()
    for target in ("/livez", "/livez", "/api/v1", "/no/such/path/0", "/no/such/path/1"):
        await ask(app, target)
    await ask(app, "/livez", method="BREW")
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.body.decode()
    assert 'loopctl_http_request_seconds_count{method="GET",route="/livez",status="200"} 2.0' in text
    assert 'loopctl_http_request_seconds_count{method="GET",route="unmatched",status="404"} 2.0' in text
    assert 'loopctl_http_request_seconds_count{method="other",route="unmatched",status="404"} 1.0' in text
    assert "such" not in text


def test_the_figures_of_several_processes_are_shown_together(tmp_path: Path) -> None:
    """Each process is one, because prometheus_client decides for good when it is first imported."""
    script = f"""
import asyncio
from pathlib import Path
from config.settings import Settings
from tests.api.asgi import ask, made
app = made(settings=Settings(metrics_dir=Path({str(tmp_path)!r})))
asyncio.run(ask(app, "/livez"))
print(asyncio.run(ask(app, "/metrics")).body.decode())
app.close()
"""
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    said = [
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    count = 'loopctl_http_request_seconds_count{method="GET",route="/livez",status="200"} '
    assert count + "1.0" in said[0].stdout
    assert count + "2.0" in said[1].stdout
