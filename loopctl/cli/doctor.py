"""`loopctl doctor`: what stands between this machine and its first command."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from loopctl import __version__
from loopctl.cli.exits import Exit
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import Output
from loopctl.cli.session import NO_SERVER, connect
from loopctl.cli.settings import Settings
from loopctl.client import Refused, Unreachable

SECONDS = 5.0
SKEW_SECONDS = 60.0


def doctor(*, common: Common = PLAIN) -> int:
    """Check settings, server, key and clock. Exit code 10 when something is wrong."""
    settings = Settings()
    found = list(_checks(settings, common))
    output = Output(common.format or settings.get("format"), common.fields)
    output.body({"data": found}, ("check", "result", "finding", "next"))
    return Exit.DONE if all(each["result"] != "bad" for each in found) else Exit.BAD


def _checks(settings: Settings, common: Common) -> Iterator[dict[str, Any]]:
    yield _check("client", True, __version__)
    yield _file(settings)
    server = common.server or settings.get("server")
    if not server:
        yield _check("server", False, "none is known", NO_SERVER)
        return
    began = time.monotonic()
    try:
        answer = httpx2.get(f"{server.rstrip('/')}/readyz", timeout=SECONDS)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        yield _check("server", False, f"{server}: {type(error).__name__}", "make up, or: loopctl config set server URL")
        return
    seconds = time.monotonic() - began
    hint = "" if answer.is_success else "See what is missing: loopctl api GET /health"
    yield _check("server", answer.is_success, f"{server} answers {answer.status_code} in {seconds * 1000:.0f} ms", hint)
    yield _clock(answer)
    yield _key(server, common.api_key or settings.key("user"))


def _file(settings: Settings) -> dict[str, Any]:
    if not settings.file.exists():
        return _check("settings", True, f"{settings.file} is not there; the environment alone counts")
    open_to_others = settings.file.stat().st_mode & 0o077
    return _check(
        "settings", not open_to_others, str(settings.file), f"chmod 600 {settings.file}" if open_to_others else ""
    )


def _clock(answer: httpx2.Response) -> dict[str, Any]:
    said = answer.headers.get("date")
    if not said:
        return _check("clock", True, "the server does not say its time")
    skew = abs(time.time() - parsedate_to_datetime(said).timestamp())
    return _check(
        "clock", skew < SKEW_SECONDS, f"{skew:.0f} s from the server's", "" if skew < SKEW_SECONDS else "Set the clock"
    )


def _key(server: str, key: str | None) -> dict[str, Any]:
    if not key:
        return _check("key", False, "none is known", NO_SERVER)
    client = connect(server, key)
    try:
        tenant = client.get("tenants/me")["tenant"]
    except Refused as refused:
        return _check("key", False, str(refused.error.get("message")), "loopctl auth login --server URL --key KEY")
    except Unreachable as error:
        return _check("key", False, str(error))
    finally:
        client.close()
    return _check("key", True, f"{key[:8]}… of {tenant['slug']}")


def _check(name: str, good: bool, finding: str, hint: str = "") -> dict[str, Any]:
    return {"check": name, "result": "good" if good else "bad", "finding": finding, "next": hint}
