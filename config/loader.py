"""Environment and flags to Settings, with the origin of every value. Flags win over the environment."""

import difflib
import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from config.settings import CLIENT_VARIABLES, Settings

PREFIX = "LOOPCTL_"
INTERNAL = frozenset({"LOOPCTL_LISTEN_FD", "LOOPCTL_PULSE_FD", "LOOPCTL_READY_FILE", "LOOPCTL_ENDS_WITH"})
"""Handed from `make` and the supervisor to what they start; not for people."""

MASK = "********"
NEAR = 0.8
"""Of names that are probably one, misspelt. Others can be anybody's: Kubernetes makes some of a service's name."""


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says which value and why."""


class Origin(Struct, frozen=True):
    """Where a value came from; ``detail`` is the flag, variable or file, empty for a default."""

    source: Literal["flag", "environment", "file", "default"]
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.detail}".rstrip()


class Loaded(Struct, frozen=True):
    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]


def load_settings(flags: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Reads ``LOOPCTL_<NAME>``, ``LOOPCTL_<NAME>_FILE`` for secrets, and ``flags`` (setting name to text).

    An empty variable counts as absent. Raises ConfigError.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, str] = {}
    origins: dict[str, Origin] = {name: Origin("default") for name in names()}
    for name in names():
        found = _from_environment(name, environment)
        if flags and name in flags:
            found = flags[name], Origin("flag", "--" + name.replace("_", "-"))
        if found:
            values[name], origins[name] = found
    return Loaded(_convert(values, origins), origins, tuple(_unknown_variables(environment)))


def names() -> tuple[str, ...]:
    return Settings.__struct_fields__


def secret_names() -> frozenset[str]:
    """The settings whose values are never shown."""
    return frozenset(name for name in names() if (_meta(name).extra or {}).get("secret"))


def description(name: str) -> str:
    return _meta(name).description or ""


@functools.cache
def _meta(name: str) -> Meta:
    """The outermost annotation of a setting: its description and whether it is secret."""
    hint = get_type_hints(Settings, include_extras=True)[name]
    return next(meta for meta in reversed(hint.__metadata__) if isinstance(meta, Meta))


def shown(loaded: Loaded) -> Iterator[tuple[str, str, Origin]]:
    """Name, printable value and origin of every setting, secrets masked."""
    secrets = secret_names()
    for name in names():
        value = getattr(loaded.settings, name)
        text = "" if value is None else MASK if name in secrets else str(value)
        yield name, text, loaded.origins[name]


def _from_environment(name: str, environment: Mapping[str, str]) -> tuple[str, Origin] | None:
    variable = PREFIX + name.upper()
    value = environment.get(variable) or None
    path = environment.get(variable + "_FILE") or None if name in secret_names() else None
    if value and path:
        raise ConfigError(f"Both {variable} and {variable}_FILE are set: keep one.")
    if path:
        return _read(variable + "_FILE", path), Origin("file", path)
    return (value, Origin("environment", variable)) if value else None


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{variable} names {path}, which cannot be read: {reason}.") from error


def _convert(values: dict[str, str], origins: Mapping[str, Origin]) -> Settings:
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`")
        given = MASK if name in secret_names() else repr(values.get(name))
        raise ConfigError(f"{name} cannot be {given} ({origins[name]}): {reason}.") from error
    if settings.webauthn_models and not settings.webauthn_roots:
        raise ConfigError("webauthn_models needs webauthn_roots: anybody can say a model that no maker vouches for.")
    return settings


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """What is said of them. Raises ConfigError for one that is nearly a setting: the service would run without it."""
    known = {PREFIX + name.upper() for name in names()} | {f"{PREFIX}{name.upper()}_FILE" for name in secret_names()}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in known | CLIENT_VARIABLES | INTERNAL:
            continue
        bare = variable.removeprefix(PREFIX)
        near = difflib.get_close_matches(bare, [name.removeprefix(PREFIX) for name in known], n=1, cutoff=NEAR)
        if near:
            raise ConfigError(f"{variable} is not a setting; did you mean {PREFIX}{near[0]}?")
        yield f"{variable} is not a setting and is ignored."
