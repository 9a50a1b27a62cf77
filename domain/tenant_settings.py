"""The settings of a tenant: which are known, of what type, within which bounds (spec 01, section 2.1)."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from domain.errors import Invalid, shortened
from domain.fields import Problems, must_be, must_be_one_of
from domain.usage.pricing import OWN_MEMBERS

LONGEST_SETTINGS = 32_768
"""Characters of all settings as JSON."""

HIGHEST_PRICE = 100_000_000_000
"""Millicents for a million tokens: one dollar for each token."""

LineagePolicy = Literal["agent", "ancestry", "strict"]
WitnessMode = Literal["off", "observe", "required"]
"""Of the heads that clients say they have seen: not looked at, checked where they are said, to be said always."""
VerificationGate = Literal["evidence", "ci"] | bool
"""What verifying waits for: nothing, a passing run, passing evidence of tests, and such evidence from a CI that the
project trusts."""


class TenantSettings(Struct, frozen=True, kw_only=True):
    """Those that decisions and the shell read, with their defaults. What else a tenant keeps under names that are not
    nearly one of ours is its own affair."""

    rate_limit_requests_per_minute: int = 300
    max_api_keys: int = 100
    max_projects: int = 50
    max_webhooks: int = 10
    webhook_max_consecutive_failures: int = 10
    webhook_event_retention_days: int = 30
    auto_reset_on_rejection: bool = True
    lineage_policy: LineagePolicy = "ancestry"
    require_distinct_verifier: bool = False
    halt_on_self_attempt: bool = False
    verification_gate: VerificationGate = False
    require_capabilities: bool = False
    verifier_binding: bool = False
    knowledge_auto_extract: bool = True
    """Whether drafts of articles are made of what reviews find."""
    device_bound_only: bool = False
    """Of security keys that are enrolled from then on: none that a cloud account copies to other devices."""
    witness_mode: WitnessMode = "observe"
    cost_anomaly_high_multiplier: float = 3.0
    """A story that costs more than so many times what others do is an anomaly; below, so small a part of it."""
    cost_anomaly_low_multiplier: float = 0.1
    cost_anomaly_metered_multiplier: float = 2.0
    """A reported story of which more than so many times the reported tokens were measured is an anomaly."""
    cost_anomaly_min_stories: int = 4
    """With a cost, of an epic whose mean is compared with, and of a project whose median is."""
    cost_anomaly_daily: bool = True
    """Whether each day's costs are compared with the mean of their epic on that day as well."""
    skill_regression_factor: float = 2.0
    """So many times what the version of a skill before costs is a regression, over so many uses or more."""
    skill_regression_min_invocations: int = 3
    lazy_threshold: float = 0.7
    """Of the lazy score, above which somebody should look at a story (domain/usage/behaviour.py)."""
    sanity_review_hours: int = 24
    """After which a reported story that nobody has reviewed is flagged."""
    sanity_fastest_pct: int = 5
    """Of the estimate; a story that was reported sooner is flagged."""
    model_pricing: Mapping[str, Any] = {}
    """Prices of the tenant's own, by a model's name or its beginning and a star; they win over the published ones."""


DEFAULTS = TenantSettings()

HIGHEST = {
    "rate_limit_requests_per_minute": 1_000_000,
    "max_api_keys": 10_000,
    "max_projects": 10_000,
    "max_webhooks": 1000,
    "webhook_max_consecutive_failures": 1000,
    "webhook_event_retention_days": 3650,
    "cost_anomaly_min_stories": 1000,
    "sanity_review_hours": 8760,
    "skill_regression_min_invocations": 1_000_000,
    "sanity_fastest_pct": 100,
}
"""Bounds of whole numbers, all from 1. A superadmin may set them up to here."""

FRACTIONS: Mapping[str, tuple[float, float]] = {
    "cost_anomaly_high_multiplier": (1.0, 1000.0),
    "cost_anomaly_low_multiplier": (0.0, 1.0),
    "cost_anomaly_metered_multiplier": (1.0, 1000.0),
    "lazy_threshold": (0.0, 1.0),
    "skill_regression_factor": (1.0, 1000.0),
}
"""Bounds of numbers that need not be whole, both included."""

OWN_LIMITS = ("rate_limit_requests_per_minute", "max_api_keys", "max_projects", "max_webhooks")
"""What protects the service: a tenant sets these itself only up to the default, or to what it was given already; its
rate limit up to the operator's ceiling."""

FLAGS = (
    "auto_reset_on_rejection",
    "require_distinct_verifier",
    "require_capabilities",
    "halt_on_self_attempt",
    "verifier_binding",
    "knowledge_auto_extract",
    "device_bound_only",
    "cost_anomaly_daily",
)

CHOICES: Mapping[str, tuple[str | bool, ...]] = {
    "verification_gate": (False, True, "evidence", "ci"),
    "lineage_policy": ("agent", "ancestry", "strict"),
    "witness_mode": ("off", "observe", "required"),
}
"""From the weakest to the strongest."""

GUARDS = (
    "require_distinct_verifier", "require_capabilities", "halt_on_self_attempt", "verifier_binding",
    "device_bound_only",
)  # fmt: skip
"""Flags that make custody stronger; taking one back weakens it."""

NOT_BUILT: Mapping[str, Any] = {
    "max_concurrent_agents": None,
    "max_stories_per_project": None,
}
"""Settings of the contract that nothing enforces yet, each with what is in effect: the one value that may be said. Who
believes in a guard that is not there is worse off than who is refused."""


@lru_cache(maxsize=1024)
def read_settings(text: str) -> TenantSettings:
    """Those that are known. What was stored before it was checked, and is wrong, counts as not said."""
    stored = msgspec.json.decode(text)
    problems = Problems()
    known = {name: stored[name] for name in TenantSettings.__struct_fields__ if name in stored}
    check_settings(problems, known, None)
    return TenantSettings(**{name: value for name, value in known.items() if f"settings.{name}" not in problems.found})


def check_settings(
    problems: Problems, given: Mapping[str, Any], tenants_own: TenantSettings | None, rate_limit_ceiling: int = 0
) -> None:
    """``tenants_own`` are the settings in force when the tenant itself asks, None when a superadmin does."""
    allowed = {name: getattr(DEFAULTS, name) for name in OWN_LIMITS}
    allowed["rate_limit_requests_per_minute"] = rate_limit_ceiling
    for name, value in given.items():
        check = _CHECKS.get(name)
        if name not in KNOWN and (near := get_close_matches(name, KNOWN, n=1, cutoff=NEAR)):
            problems.add(f"settings.{name}", f"is not known: perhaps {near[0]}")
        elif check and (problem := check(name, value)):
            problems.add(f"settings.{name}", problem)
        elif tenants_own and name in OWN_LIMITS:
            most = max(allowed[name], getattr(tenants_own, name))
            if value > most:
                problems.add(f"settings.{name}", f"must be less than or equal to {most}")
    if len(msgspec.json.encode(given)) > LONGEST_SETTINGS:
        problems.add("settings", f"should be at most {LONGEST_SETTINGS} character(s)")


def check_built(given: Mapping[str, Any]) -> None:
    """Raises Invalid (`not_built`) for a value that nothing would heed."""
    idle = [name for name in NOT_BUILT if name in given and not _is(given[name], NOT_BUILT[name])]
    if idle:
        raise Invalid(
            f"Not built, so that nothing would enforce it: {', '.join(idle)}. Nothing was changed.",
            code="not_built",
            **{f"settings.{name}": f"is not built yet: {_in_effect(name)}" for name in idle},
        )


def _is(value: object, other: object) -> bool:
    """Zero is not false here."""
    return type(value) is type(other) and value == other


def _in_effect(name: str) -> str:
    value = NOT_BUILT[name]
    return "leave it out" if value is None else f"only {msgspec.json.encode(value).decode()} is in effect"


def weakened(now: TenantSettings, then: TenantSettings) -> tuple[str, ...]:
    """Names of the settings by which custody would be weaker than it is."""
    flags = [name for name in GUARDS if getattr(now, name) and not getattr(then, name)]
    choices = [
        name for name, order in CHOICES.items() if order.index(getattr(then, name)) < order.index(getattr(now, name))
    ]
    return (*flags, *choices)


def _number(name: str, value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return must_be(f"a whole number from 1 to {HIGHEST[name]}")
    if value < 1:
        return "must be greater than 0"
    return f"must be less than or equal to {HIGHEST[name]}" if value > HIGHEST[name] else None


def _fraction(name: str, value: object) -> str | None:
    least, most = FRACTIONS[name]
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return None
    return must_be(f"a number from {least:g} to {most:g}")


def _flag(_: str, value: object) -> str | None:
    return None if isinstance(value, bool) else must_be("true or false")


def _choice(name: str, value: object) -> str | None:
    if any(_is(value, each) for each in CHOICES[name]):
        return None
    return must_be_one_of([str(each).lower() for each in CHOICES[name]])


def _text(_: str, value: object) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= 64 else must_be("a text of 1 to 64 characters")


def _prices(_: str, value: object) -> str | None:
    if not isinstance(value, dict):
        return "must be a map"
    for name, price in value.items():
        if not isinstance(price, dict) or not set(OWN_MEMBERS[:2]) <= set(price) <= set(OWN_MEMBERS):
            return f"{shortened(name, 64)}: " + must_be(f"a map of {', '.join(OWN_MEMBERS[:2])}, and of the caches'")
        if not all(isinstance(each, int) and 0 <= each <= HIGHEST_PRICE for each in price.values()):
            return f"{shortened(name, 64)}: " + must_be(f"whole numbers from 0 to {HIGHEST_PRICE}")
    return None


def _map(_: str, value: object) -> str | None:
    return None if isinstance(value, dict) else "must be a map"


_CHECKS: Mapping[str, Callable[[str, object], str | None]] = {
    **dict.fromkeys(HIGHEST, _number),
    **dict.fromkeys(FRACTIONS, _fraction),
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys(CHOICES, _choice),
    "model_pricing": _prices,
    "timezone": _text,
    "onboarding": _map,
}

KNOWN = (*_CHECKS, *NOT_BUILT)
NEAR = 0.85
"""How alike a name has to be to one of ours (difflib) to be taken for a slip."""
