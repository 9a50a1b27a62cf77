"""The settings of a tenant: which are known, of what type, within which bounds (spec 01, section 2.1)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from domain.fields import INVALID, Problems

LONGEST_SETTINGS = 32_768
"""Characters of all settings as JSON."""

LineagePolicy = Literal["agent", "ancestry", "strict"]
WitnessMode = Literal["off", "observe", "required"]


class TenantSettings(Struct, frozen=True, kw_only=True):
    """Those that decisions and the shell read, with their defaults. What else a tenant keeps is its own affair."""

    rate_limit_requests_per_minute: int = 300
    max_api_keys: int = 100
    max_projects: int = 50
    max_webhooks: int = 10
    webhook_max_consecutive_failures: int = 10
    auto_reset_on_rejection: bool = True
    knowledge_auto_extract: bool = True
    witness_mode: WitnessMode = "observe"
    halt_on_self_attempt: bool = False
    require_capabilities: bool = False
    lineage_policy: LineagePolicy = "ancestry"
    require_distinct_verifier: bool = False
    verifier_binding: bool = False
    verification_gate: bool = False


DEFAULTS = TenantSettings()

HIGHEST = {
    "rate_limit_requests_per_minute": 100_000,
    "max_api_keys": 10_000,
    "max_projects": 10_000,
    "max_webhooks": 1000,
    "webhook_max_consecutive_failures": 1000,
    "max_concurrent_agents": 1000,
    "max_stories_per_project": 1_000_000,
}
"""Bounds of whole numbers, all from 1. A superadmin may set them up to here."""

OWN_LIMITS = ("rate_limit_requests_per_minute", "max_api_keys", "max_projects", "max_webhooks")
"""What protects the service: a tenant sets these itself only up to the default, or to what it was given already."""

FLAGS = (
    "auto_reset_on_rejection",
    "knowledge_auto_extract",
    "halt_on_self_attempt",
    "require_capabilities",
    "require_distinct_verifier",
    "verifier_binding",
    "verification_gate",
)

CHOICES: Mapping[str, tuple[str, ...]] = {
    "witness_mode": ("off", "observe", "required"),
    "lineage_policy": ("agent", "ancestry", "strict"),
}
"""From the weakest to the strongest."""

GUARDS = ("halt_on_self_attempt", "require_capabilities", "require_distinct_verifier", "verifier_binding")
"""Flags that make custody stronger, with ``verification_gate``; taking one back weakens it."""


@lru_cache(maxsize=1024)
def read_settings(text: str) -> TenantSettings:
    """Those that are known. What was stored before it was checked, and is wrong, counts as not said."""
    stored = msgspec.json.decode(text)
    problems = Problems()
    known = {name: stored[name] for name in TenantSettings.__struct_fields__ if name in stored}
    check_settings(problems, known, None)
    return TenantSettings(**{name: value for name, value in known.items() if f"settings.{name}" not in problems.found})


def check_settings(problems: Problems, given: Mapping[str, Any], tenants_own: TenantSettings | None) -> None:
    """``tenants_own`` are the settings in force when the tenant itself asks, None when a superadmin does."""
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check and (problem := check(name, value)):
            problems.add(f"settings.{name}", problem)
        elif tenants_own and name in OWN_LIMITS:
            most = max(getattr(DEFAULTS, name), getattr(tenants_own, name))
            if value > most:
                problems.add(f"settings.{name}", f"must be less than or equal to {most}")
    if len(msgspec.json.encode(given)) > LONGEST_SETTINGS:
        problems.add("settings", f"should be at most {LONGEST_SETTINGS} character(s)")


def weakened(now: TenantSettings, then: TenantSettings) -> tuple[str, ...]:
    """Names of the settings by which custody would be weaker than it is."""
    flags = [name for name in (*GUARDS, "verification_gate") if getattr(now, name) and not getattr(then, name)]
    choices = [
        name for name, order in CHOICES.items() if order.index(getattr(then, name)) < order.index(getattr(now, name))
    ]
    return (*flags, *choices)


def _number(name: str, value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return INVALID
    if value < 1:
        return "must be greater than 0"
    return f"must be less than or equal to {HIGHEST[name]}" if value > HIGHEST[name] else None


def _flag(_: str, value: object) -> str | None:
    return None if isinstance(value, bool) else INVALID


def _choice(name: str, value: object) -> str | None:
    return None if value in CHOICES[name] else INVALID


def _text(_: str, value: object) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= 64 else INVALID


def _map(_: str, value: object) -> str | None:
    return None if isinstance(value, dict) else "must be a map"


_CHECKS: Mapping[str, Callable[[str, object], str | None]] = {
    **dict.fromkeys(HIGHEST, _number),
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys(CHOICES, _choice),
    "timezone": _text,
    "onboarding": _map,
}
