"""`loopctl doctor`: what stands between this machine and its first command."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from loopctl import __version__
from loopctl.cli.auth import who_is
from loopctl.cli.exits import Exit
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import Output, output_for
from loopctl.cli.session import NO_SERVER, asking
from loopctl.cli.settings import ROLES, Key, Settings, masked
from loopctl.cli.settings_file import BadSettings
from loopctl.client import Refused, Unreachable, Unusable

SECONDS = 5.0
SKEW_SECONDS = 60.0


def doctor(*, common: Common = PLAIN) -> int:
    """Check settings, server, key and clock. Exit code 10 when something is wrong."""
    try:
        settings = Settings()
    except BadSettings as bad:
        output = Output(common.format or "json", common.fields)
        found = [_check("settings", False, bad.message, bad.hint)]
    else:
        output = output_for(common, settings)
        found = list(_checks(settings, common))
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
        with asking(server, None) as client:
            status, date = client.once("/readyz", SECONDS)
    except Unreachable as error:
        yield _check("server", False, str(error), "make up, or: loopctl config set server URL")
        return
    except Unusable as error:
        yield _check("server", False, str(error), error.hint)
        return
    seconds, ready = time.monotonic() - began, 200 <= status < 300
    hint = "" if ready else "See what is missing: loopctl api GET /health"
    yield _check("server", ready, f"{server} answers {status} in {seconds * 1000:.0f} ms", hint)
    yield _clock(date)
    yield from _keys(server, settings, common)


def _file(settings: Settings) -> dict[str, Any]:
    if not settings.file.exists():
        return _check("settings", True, f"{settings.file} is not there; the environment alone counts")
    open_to_others = settings.file.stat().st_mode & 0o077
    return _check(
        "settings", not open_to_others, str(settings.file), f"chmod 600 {settings.file}" if open_to_others else ""
    )


def _clock(said: str) -> dict[str, Any]:
    try:
        skew = abs(time.time() - parsedate_to_datetime(said).timestamp())
    except (ValueError, OverflowError):
        return _check("clock", True, "the server does not say its time")
    return _check(
        "clock", skew < SKEW_SECONDS, f"{skew:.0f} s from the server's", "" if skew < SKEW_SECONDS else "Set the clock"
    )


def _keys(server: str, settings: Settings, common: Common) -> Iterator[dict[str, Any]]:
    """Each key that a command would be asked with."""
    found = [each for role in ROLES if (each := settings.key_for(role, common.api_key))]
    for key in {each.value: each for each in found}.values():
        yield _key(server, key)
    if not found:
        yield _check("key", False, "none is known", NO_SERVER)


def _key(server: str, key: Key) -> dict[str, Any]:
    try:
        with asking(server, key.value) as client:
            said = who_is(client)
            role, tenant = (said.get("api_key") or {}).get("role"), (said["tenant"] or {}).get("slug", "no tenant")
    except Refused as refused:
        return _check("key", False, str(refused.error.get("message")), "loopctl auth login --server URL --key KEY")
    except Unusable as error:
        return _check("key", False, str(error), error.hint)
    except Unreachable as error:
        return _check("key", False, str(error))
    finding = f"{key.setting} ({masked(key.setting, key.value)}): {role or 'a key'} of {tenant}"
    fits = role is None or ROLES.get(role) == key.setting or key.setting == "api_key"
    return _check("key", fits, finding, "" if fits else f"loopctl auth login --role {role}")


def _check(name: str, good: bool, finding: str, hint: str = "") -> dict[str, Any]:
    return {"check": name, "result": "good" if good else "bad", "finding": finding, "next": hint}
