"""The official conformance suite for MCP servers, against /mcp in both eras, and what cannot pass there."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from interop.checkers import CheckerFailed
from interop.mcp.programs import CONFORMANCE

ERAS = ("2025-11-25", "2026-07-28")
"""Each with the scenarios that were required when it was released."""

TEST_TOOLS = "calls a tool that only a server made for the suite has"
NO_RESOURCES = "there are no resources here"
NO_PROMPTS = "there are no prompts here"
NO_QUESTIONS = "no tool here asks its client a question"
NO_TASKS = "an extension, tasks, which is not offered"
NO_HEADERS = "no tool here takes an argument as a header"
RESULTS = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
"""The folder of one scenario's results."""

Expected = Mapping[str, tuple[str, str]]

EXPECTED: Expected = {
    "completion-complete": ("completion-complete", NO_PROMPTS),
    "logging-set-level": ("logging-set-level", "the server sends no log messages"),
    "tools-call-image": ("tools-call-image", TEST_TOOLS),
    "tools-call-audio": ("tools-call-audio", TEST_TOOLS),
    "tools-call-embedded-resource": ("tools-call-embedded-resource", TEST_TOOLS),
    "tools-call-mixed-content": ("tools-call-mixed-content", TEST_TOOLS),
    "tools-call-with-logging": ("tools-call-with-logging", TEST_TOOLS),
    "tools-call-with-progress": ("tools-call-with-progress", TEST_TOOLS),
    "tools-call-sampling": ("tools-call-sampling", TEST_TOOLS),
    "tools-call-elicitation": ("tools-call-elicitation", TEST_TOOLS),
    "elicitation-sep1034-defaults": ("elicitation-sep1034-general", TEST_TOOLS),
    "elicitation-sep1330-enums": ("elicitation-sep1330-general", TEST_TOOLS),
    "json-schema-2020-12": ("json-schema-2020-12-tool-found", TEST_TOOLS),
    "resources-list": ("resources-list", NO_RESOURCES),
    "resources-read-text": ("resources-read-text", NO_RESOURCES),
    "resources-read-binary": ("resources-read-binary", NO_RESOURCES),
    "resources-templates-read": ("resources-templates-read", NO_RESOURCES),
    "resources-subscribe": ("resources-subscribe", NO_RESOURCES),
    "resources-unsubscribe": ("resources-unsubscribe", NO_RESOURCES),
    "prompts-list": ("prompts-list", NO_PROMPTS),
    "prompts-get-simple": ("prompts-get-simple", NO_PROMPTS),
    "prompts-get-with-args": ("prompts-get-with-args", NO_PROMPTS),
    "prompts-get-embedded-resource": ("prompts-get-embedded-resource", NO_PROMPTS),
    "prompts-get-with-image": ("prompts-get-with-image", NO_PROMPTS),
    "caching": (
        "sep-2549-prompts-list-caching-hints sep-2549-resources-list-caching-hints "
        "sep-2549-resources-templates-list-caching-hints",
        "there are neither prompts nor resources here; the check of tools passes",
    ),
    "server-stateless": (
        "sep-2575-server-rejects-undeclared-capability sep-2575-missing-capability-http-400", TEST_TOOLS,
    ),
    "http-custom-header-server-validation": (
        "sep-2243-server-no-xmcp-tool sep-2243-server-decode-base64 sep-2243-server-validate-param-match "
        "sep-2243-server-reject-invalid-param-chars sep-2243-server-reject-param-mismatch",
        NO_HEADERS,
    ),
    "input-required-result-basic-elicitation": ("sep-2322-elicitation-incomplete", NO_QUESTIONS),
    "input-required-result-basic-sampling": ("sep-2322-sampling-incomplete", NO_QUESTIONS),
    "input-required-result-basic-list-roots": ("sep-2322-list-roots-incomplete", NO_QUESTIONS),
    "input-required-result-request-state": ("sep-2322-request-state-incomplete", NO_QUESTIONS),
    "input-required-result-multiple-input-requests": ("sep-2322-multiple-inputs-incomplete", NO_QUESTIONS),
    "input-required-result-multi-round": ("sep-2322-multi-round-r1", NO_QUESTIONS),
    "input-required-result-non-tool-request": ("sep-2322-non-tool-incomplete", NO_QUESTIONS),
    "input-required-result-result-type": ("sep-2322-result-type-included", NO_QUESTIONS),
    "input-required-result-tampered-state": ("sep-2322-reject-tampered-state", NO_QUESTIONS),
    "input-required-result-capability-check": ("sep-2322-respect-client-capabilities", NO_QUESTIONS),
    "tasks-lifecycle": (
        "sep-2663-result-type-task-on-create sep-2663-tasks-get-status-working sep-2663-tasks-get-status-completed "
        "sep-2663-tool-error-uses-completed-status sep-2663-tasks-get-status-failed sep-2663-cancel-ack-empty-result "
        "tasks-cancel-terminal-idempotent-ack",
        NO_TASKS,
    ),
    "tasks-capability-negotiation": (
        "tasks-extension-advertised sep-2663-tasks-methods-non-declaring tasks-per-request-meta-opt-in", NO_TASKS,
    ),
    "tasks-wire-fields": (
        "tasks-wire-field-renames tasks-no-early-ttl-expiry tasks-no-related-task-meta-on-inlined-result", NO_TASKS,
    ),
    "tasks-request-state-removal": ("tasks-request-state-removal-setup", NO_TASKS),
    "tasks-mrtr-input": (
        "sep-2663-tasks-get-status-input-required tasks-mrtr-tasks-update-resumes tasks-mrtr-partial-fulfillment",
        NO_TASKS,
    ),
    "tasks-request-headers": (
        "tasks-headers-tolerate-mcp-method-on-tools-call sep-2663-routing-headers-accepted-on-tasks-get "
        "sep-2663-server-rejects-mismatched-mcp-name-on-tasks-get",
        NO_TASKS,
    ),
    "tasks-dispatch-and-envelope": (
        "tasks-server-directed-creation-no-hint sep-2663-durable-create-strong-consistency "
        "sep-2663-tasks-get-invalid-task-id-32602",
        NO_TASKS,
    ),
    "tasks-required-task-error": ("sep-2663-server-returns-missing-capability-when-required", NO_TASKS),
    "tasks-mrtr-composition": ("sep-2663-mrtr-synchronous-before-task-creation", NO_TASKS),
}  # fmt: skip
"""By scenario: the checks that fail, and why. What else fails is a fault, and so is one of these that passes."""


class Ran(Struct, frozen=True):
    """One scenario: how many of its checks passed, and what was said of those that failed."""

    passed: int
    failed: dict[str, str]


Eras = Mapping[str, Mapping[str, Ran]]


def run(address: str, era: str, folder: Path) -> dict[str, Ran]:
    """By scenario. Raises LeftOut, CheckerFailed."""
    results = folder / f"conformance-{era}"
    results.mkdir()
    said = CONFORMANCE.run(
        "server", "--url", f"{address}/mcp", "--requirements", era, "--output-dir", str(results), home=folder
    )
    ran = dict(read(results))
    if not ran:
        raise CheckerFailed(f"conformance: {said.stderr.strip()[-1000:] or said.stdout.strip()[-1000:]}")
    return ran


def known(scenario: str, expected: Expected = EXPECTED) -> set[str]:
    """Its checks that cannot pass."""
    return set(expected[scenario][0].split()) if scenario in expected else set()


def wrong(eras: Eras, expected: Expected = EXPECTED) -> list[str]:
    """What failed and is not expected to, what is expected to and passed, and what did not run at all."""
    said = []
    for era, ran in eras.items():
        for scenario, one in ran.items():
            ours = known(scenario, expected)
            said += [f"{era} {scenario}: {check}: {one.failed[check]}" for check in one.failed if check not in ours]
            said += [f"{era} {scenario}: {check} no longer fails" for check in sorted(ours - one.failed.keys())]
    met = {scenario for ran in eras.values() for scenario in ran}
    return said + [f"{scenario} has not run" for scenario in sorted(expected.keys() - met)]


def reasons(eras: Eras) -> list[str]:
    """Each reason why checks fail as expected, with the scenarios."""
    failing = {scenario for ran in eras.values() for scenario, one in ran.items() if one.failed}
    by_reason: dict[str, list[str]] = {}
    for scenario, (_, reason) in EXPECTED.items():
        if scenario in failing:
            by_reason.setdefault(reason, []).append(scenario)
    return [f"{reason}: {' '.join(scenarios)}" for reason, scenarios in by_reason.items()]


def read(results: Path) -> Iterator[tuple[str, Ran]]:
    for file in sorted(results.glob("*/checks.json")):
        named = RESULTS.fullmatch(file.parent.name)
        if named is None:
            raise CheckerFailed(f"conformance: results of what? {file.parent.name}")
        checks: list[dict[str, Any]] = json.loads(file.read_text())
        failed = {each["id"]: _told(each) for each in checks if each["status"] == "FAILURE"}
        yield named[1], Ran(sum(each["status"] == "SUCCESS" for each in checks), failed)


def _told(check: Mapping[str, Any]) -> str:
    return " ".join(str(check.get("errorMessage") or check.get("description", "")).split())[:300]
