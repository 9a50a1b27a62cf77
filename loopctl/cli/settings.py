"""What the client remembers: ~/.loopctl/config.json, and the environment, which wins when it is not empty."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import MsgspecError
from msgspec.json import decode, encode
from msgspec.json import format as laid_out

NAMES = ("server", "api_key", "agent_key", "orch_key", "user_key", "project", "format")
SECRET = frozenset({"api_key", "agent_key", "orch_key", "user_key"})
SHOWN_CHARACTERS = 8
ROLES = {"agent": "agent_key", "orchestrator": "orch_key", "user": "user_key"}


def file_of(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("LOOPCTL_CONFIG") or Path.home() / ".loopctl" / "config.json")


class Settings:
    """``stored`` is the file's; a file that is none counts as empty."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self.file = file_of(self._environment)
        self.stored = _read(self.file)

    def get(self, name: str) -> str | None:
        return self._environment.get(variable(name)) or self.stored.get(name)

    def from_environment(self, name: str) -> str | None:
        return self._environment.get(variable(name)) or None

    def origin(self, name: str) -> str | None:
        if self._environment.get(variable(name)):
            return variable(name)
        return str(self.file) if self.stored.get(name) else None

    def key(self, role: str) -> str | None:
        """The one key, else the key of the role that a command needs, else any that there is."""
        first = ROLES.get(role, "user_key")
        names = ("api_key", first, *(name for name in ROLES.values() if name != first))
        return next((found for name in names if (found := self.get(name))), None)

    def store(self, **changes: str | None) -> None:
        """None takes away. Only the owner may read the file, from its first byte on."""
        merged = {name: value for name, value in {**self.stored, **changes}.items() if value}
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(laid_out(encode(merged)) + b"\n")
        unfinished.replace(self.file)
        self.stored = merged


def variable(name: str) -> str:
    return f"LOOPCTL_{name.upper()}"


def masked(name: str, value: str) -> str:
    return value[:SHOWN_CHARACTERS] + "…" if name in SECRET else value


def _read(file: Path) -> dict[str, str]:
    try:
        found = decode(file.read_bytes())
    except (OSError, MsgspecError):
        return {}
    return {name: str(found[name]) for name in NAMES if found.get(name)} if isinstance(found, dict) else {}
