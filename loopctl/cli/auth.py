"""`loopctl auth`: which server, which key."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cyclopts import App
from msgspec import MsgspecError
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import Columns, note, output_for
from loopctl.cli.reading import STANDARD_INPUT, read_text
from loopctl.cli.session import NO_SERVER, asking, chosen_key
from loopctl.cli.settings import READING, ROLES, SECRET, Key, Settings
from loopctl.cli.vocabulary import AnyRole
from loopctl.client import Client, Refused

app = App(name="auth")

KEYS: Columns = ("for", "setting", "key", "role", "name", "agent_id", "tenant", "problem", "from")


@app.command
def login(*, key: str | None = None, role: AnyRole | None = None, common: Common = PLAIN) -> None:
    """Try a key and keep it, with its server, in ~/.loopctl/config.json (only its owner can read it).

    Parameters
    ----------
    key
        The API key. Without it, it is read from the standard input, as JSON of `loopctl keys create` too.
    role
        agent, orchestrator, user or superadmin: keep it beside the others, for the commands that need this role.
    """
    settings = Settings()
    output = output_for(common, settings)
    server = (common.server or settings.get("server") or "").rstrip("/")
    if not server:
        raise Stop(Exit.USAGE, "Which server?", NO_SERVER)
    _check_nobody_else(common, "loopctl auth login --role ROLE")
    setting = ROLES[role] if role else "api_key"
    others = [name for name in settings.stored if name in SECRET and name != setting]
    _same_server(settings, server, others)
    key = key or common.api_key or _asked_for()
    try:
        with asking(server, key) as client:
            said = who_is(client)
            told = (said.get("api_key") or {}).get("role")
    except Refused as refused:
        note(f"Login failed ({refused.status}); nothing was saved.")
        raise
    if role and told and told != role:
        hint = f"Keep it as what it is: loopctl auth login --role {told}"
        raise Stop(Exit.DENIED, f"This is not a key of the role {role} but of {told}; nothing was saved.", hint)
    settings.store(**{"server": server, setting: key})
    note(f"Credentials saved. Server: {server}")
    if others and not role:
        note(f"{', '.join(others)} of {settings.file} go before it where they fit: loopctl auth whoami")
    output.body(said, done=True)


@app.command
def whoami(*, common: Common = PLAIN) -> int:
    """Show the tenant and the key that reads are asked with, and in `keys` which one each role's commands take."""
    settings = Settings()
    server = common.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    _check_nobody_else(common, "loopctl tenant info --impersonate TENANT")
    first = chosen_key(settings, common, (*READING, "superadmin"))
    asked: dict[str | None, Any] = {}
    rows = list(_of_each_role(settings, common, server, asked))
    said = _asked(asked, server, first.value if first else None)
    if isinstance(said, Refused):
        said.asked_with = first.shown() if first else {}
        raise said
    output = output_for(common, settings)
    if output.for_people:
        output.body(_flat(said))
        output.body({"data": rows}, KEYS)
    else:
        output.body({**said, "keys": rows})
    return Exit.DENIED if any(row["problem"] for row in rows) else Exit.DONE


@app.command
def logout(*, common: Common = PLAIN) -> None:
    """Forget every key; the server's address stays."""
    settings = Settings()
    settings.store(**dict.fromkeys(SECRET))
    output_for(common, settings).note("Keys forgotten.")


def who_is(client: Client) -> dict[str, Any]:
    """The tenant and the key that asks. A superadmin has no tenant. Raises Refused."""
    try:
        said: dict[str, Any] = client.get("tenants/me")
    except Refused as refused:
        if refused.code != "tenant_context_required":
            raise
        return {"tenant": None, "api_key": {"role": "superadmin"}}
    return {**said, "tenant": {**said["tenant"]}}


def _of_each_role(
    settings: Settings, common: Common, server: str, asked: dict[str | None, Any]
) -> Iterator[dict[str, Any]]:
    """What its commands are asked with, and what the server says of that key."""
    for role in ROLES:
        if key := settings.key_for(role, common.api_key):
            yield {"for": role, **key.shown(), **_told(role, key, _asked(asked, server, key.value))}


def _told(role: str, key: Key, said: Any) -> dict[str, Any]:
    if isinstance(said, Refused):
        return {"role": None, "name": None, "agent_id": None, "tenant": None, "problem": said.error.get("message")}
    found = said.get("api_key") or {}
    other = key.setting == ROLES[role] and found.get("role") not in (None, role)
    return {
        **{name: found.get(name) for name in ("role", "name", "agent_id")},
        "tenant": (said["tenant"] or {}).get("slug"),
        "problem": f"it is no key of the role {role}" if other else None,
    }


def _asked(known: dict[str | None, Any], server: str, key: str | None) -> Any:
    """Each key once. What it says, or how it was refused."""
    if key not in known:
        try:
            with asking(server, key) as client:
                known[key] = who_is(client)
        except Refused as refused:
            known[key] = refused
    return known[key]


def _check_nobody_else(common: Common, instead: str) -> None:
    """Of commands about keys themselves. Raises Stop."""
    if common.impersonate or common.idempotency_key:
        raise Stop(Exit.USAGE, "--impersonate and --idempotency-key are for commands that ask in a tenant.", instead)


def _same_server(settings: Settings, server: str, others: list[str]) -> None:
    """Keys that stay would be sent to the new server. Raises Stop."""
    kept = settings.stored.get("server", server).rstrip("/")
    if others and kept != server:
        hint = "Forget them first: loopctl auth logout; or keep both: LOOPCTL_CONFIG=FILE loopctl auth login …"
        raise Stop(Exit.USAGE, f"{settings.file} has {', '.join(others)} for {kept}.", hint)


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """For people: who asks, and where. Older servers do not tell the key."""
    tenant, key = said["tenant"] or {}, said.get("api_key") or {}
    return {
        "tenant": tenant.get("slug"),
        "tenant_id": tenant.get("id"),
        "role": key.get("role"),
        "key": key.get("name"),
        "agent_id": key.get("agent_id"),
    }


def _asked_for() -> str:
    """From a person one line; from another command also the answer that a key was made with. Raises Stop."""
    text = (sys.stdin.readline() if sys.stdin.isatty() else read_text(Path(STANDARD_INPUT))).strip()
    if text.startswith("{"):
        with suppress(MsgspecError, KeyError, TypeError, RecursionError):
            return str(decode(text)["api_key"]["raw_key"])
    if not text or text.startswith("{") or any(letter.isspace() for letter in text):
        hint = "A line with the key alone, or: loopctl keys create … | loopctl auth login …"
        raise Stop(Exit.USAGE, "No key was given.", hint)
    return text
