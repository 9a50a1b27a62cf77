"""What the client goes by: the environment, which wins when it is not empty, and ~/.loopctl/config.json."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.settings_file import NAMES, change_settings, nearest, read_settings

SHOWN_CHARACTERS = 8
ROLES = {"agent": "agent_key", "orchestrator": "orch_key", "user": "user_key", "superadmin": "superadmin_key"}
SECRET = frozenset({"api_key", *ROLES.values()})

Fitting = Sequence[str]
"""Roles whose keys a command can be asked with, the best first."""

READING: Fitting = ("orchestrator", "agent", "user")
WATCHING: Fitting = ("orchestrator", "user")
IMPLEMENTING: Fitting = ("agent",)
CONFIRMING: Fitting = ("orchestrator", "agent")
REVIEWING: Fitting = ("orchestrator", "agent", "user")
JUDGING: Fitting = ("orchestrator",)
PLANNING: Fitting = ("user", "orchestrator")
"""What an orchestrator imports counts as its own work, which it cannot confirm: the user's key goes first."""
OWNING: Fitting = ("user",)
AUDITING: Fitting = ("user", "orchestrator")
"""To a user the whole trail is shown, to an orchestrator all but keys and settings."""
ADMINISTERING: Fitting = ("superadmin",)
ANY: Fitting = ("user", "orchestrator", "agent", "superadmin")


class Key(Struct, frozen=True):
    """A key, and where it came from."""

    value: str
    setting: str
    origin: str

    def shown(self) -> dict[str, str]:
        return {"setting": self.setting, "from": self.origin, "key": masked(self.setting, self.value)}


def file_of(environment: Mapping[str, str]) -> Path:
    """Raises Stop where nobody is at home."""
    if named := environment.get("LOOPCTL_CONFIG"):
        return Path(named)
    try:
        return Path.home() / ".loopctl" / "config.json"
    except RuntimeError:
        raise Stop(
            Exit.USAGE, "There is no home directory for the settings.", "Say where: LOOPCTL_CONFIG=FILE"
        ) from None


class Settings:
    """``stored`` is the file's. Raises BadSettings."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self.file = file_of(self._environment)
        self.stored = read_settings(self.file)

    def get(self, name: str) -> str | None:
        return self.from_environment(name) or self.stored.get(name)

    def from_environment(self, name: str) -> str | None:
        return self._environment.get(variable(name)) or None

    def origin(self, name: str) -> str | None:
        if self.from_environment(name):
            return variable(name)
        return str(self.file) if self.stored.get(name) else None

    def key(self, fitting: Fitting, given: str | None = None) -> Key | None:
        """The key that a command is asked with; None when there is none at all. Raises Stop when none of them fits.

        ``given``, then LOOPCTL_API_KEY, are for every command. Then the environment goes before the file, and there a
        role's own key before the one that no role is known of.
        """
        found = Key(given, "api_key", "--api-key") if given else next(self._fitting(fitting), None)
        if found is None:
            self._check_none_is_kept(fitting)
        return found

    def key_for(self, role: str, given: str | None = None) -> Key | None:
        """That the commands of this role are asked with; None when none fits."""
        return Key(given, "api_key", "--api-key") if given else next(self._fitting((role,)), None)

    def _fitting(self, fitting: Fitting) -> Iterator[Key]:
        names = [ROLES[role] for role in fitting]
        for name in ("api_key", *names):
            if value := self.from_environment(name):
                yield Key(value, name, variable(name))
        for name in (*names, "api_key"):
            if value := self.stored.get(name):
                yield Key(value, name, str(self.file))

    def _check_none_is_kept(self, fitting: Fitting) -> None:
        kept = [name for name in ROLES.values() if self.get(name)]
        if kept:
            raise Stop(
                Exit.DENIED,
                f"This needs a key of the role {' or '.join(fitting)}; there is only {', '.join(kept)}.",
                f"Keep one: loopctl auth login --role {fitting[0]}; or give one: LOOPCTL_API_KEY=… loopctl …",
            )

    def store(self, **changes: str | None) -> None:
        """None takes away. Raises BadSettings."""
        self.stored = change_settings(self.file, changes)


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """What is said of variables that are nearly a setting."""
    for found in environment:
        name = found.removeprefix("LOOPCTL_").lower()
        if found.startswith("LOOPCTL_") and name not in NAMES and (meant := nearest(name)):
            yield f"{found} is no setting and does nothing; perhaps {variable(meant)} is meant"


def variable(name: str) -> str:
    return f"LOOPCTL_{name.upper()}"


def masked(name: str, value: str) -> str:
    return value[:SHOWN_CHARACTERS] + "…" if name in SECRET else value
