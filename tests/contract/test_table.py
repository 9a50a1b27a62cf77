"""The list of routes is the router's, the document's, and the appendix's; nothing is untested or undocumented."""

import re
from typing import Any

from msgspec import json

from api.http.codes import CODES
from tests.api.asgi import ask, made
from tests.api.web.pages import PAGES
from tests.contract.appendices import KNOWN, SKILLS, SPENT, UI_TEST_RUNS, WEBHOOKS
from tests.contract.appendix_a import NOT_SERVED, OTHERWISE, SERVED, lines
from tests.contract.faults import FAULTS
from tests.contract.routes import ROUTES, Route
from tests.contract.snapshot import SNAPSHOT

OF_ALL = frozenset({
    "bad_request", "not_acceptable", "request_timeout", "payload_too_large", "uri_too_long", "rate_limited",
    "headers_too_large", "internal_error", "deadline_exceeded", "overloaded", "stopping", "too_many_at_once",
})  # fmt: skip
"""Told by the shell before a route is chosen or when it fails: tests/api/http/test_{requests,load,wire,…}.py."""

OF_SOME = frozenset({
    "unauthorized", "invalid_api_key", "tenant_inactive", "insufficient_role", "tenant_context_required",
    "impersonation_refused", "not_found", "unsupported_media_type", "validation_failed", "idempotency_key_reused",
    "agent_deactivated", "webauthn_required", "webauthn_failed", "signup_closed",
})  # fmt: skip
"""Brought about in the same way on every route that tells them: test_routes.py; deactivated agents: api/test_rounds.py
and test_lifecycle.py."""

WHEN_TWO_MEET = frozenset({"audit_key_changed"})
"""Told by a route that meets another one: tests/api/test_log_keys.py."""

BY_A_HEADER = frozenset({"foreign_origin"})
"""Told to who says something that no other request says: tests/api/test_mcp.py."""

NO_REFERENCE = {"cap_id", "session_id", "ac_id", "source_id", "repository_id", "owner_id", "external_id"}
"""Text of the caller's own, of the story itself, or of a thing that is not there yet, in spite of its name."""

FILES = {
    ("GET", "/swagger", "public"),
    ("GET", "/swaggerui/:name", "public"),
    *PAGES,
}
"""Pages, and parts of pages, which no client asks for by itself: tests/api/test_swagger.py, tests/api/web."""

DOCUMENT: Any = json.decode(SNAPSHOT.read_bytes())


def operation(route: Route) -> Any:
    return DOCUMENT["paths"][route.path][route.method.lower()]


def asks(route: Route) -> bool:
    """Whether it takes parameters in the query, whose values and names can be misspelt."""
    return any(parameter["in"] == "query" for parameter in operation(route).get("parameters", ()))


def promised(route: Route) -> set[str]:
    """Codes that the document has for the route."""
    answers = operation(route)["responses"].values()
    return {code for answer in answers for code in answer.get("$ref", "").rpartition("/")[2].split(".") if code}


def test_every_route_of_the_document_is_in_the_list_and_every_one_of_the_list_there() -> None:
    """Went red when a line was taken out of ROUTES."""
    documented = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item}
    assert {route.name for route in ROUTES} == documented
    assert len({route.name for route in ROUTES}) == len(ROUTES)


async def test_the_list_is_what_the_router_serves() -> None:
    listed = (await ask(made(), "/api/v1/routes")).json()["routes"]
    served = {(each["method"], each["path"], each["role"]) for each in listed}
    assert {
        (route.method, re.sub(r"\{(\w+)\}", r":\1", route.path), route.access) for route in ROUTES
    } == served - FILES
    assert served >= FILES


def test_access_and_success_are_as_documented() -> None:
    for route in ROUTES:
        found = operation(route)
        assert (found["x-role"], str(route.success) in found["responses"]) == (route.access, True), route.name


def test_every_error_of_a_route_is_brought_about_and_none_is_in_the_list_that_is_not_promised() -> None:
    """Went red when a Fault was taken out, and when a code was added to a route's errors."""
    for route in ROUTES:
        told = {fault.code for fault in FAULTS.get(route.name, ())}
        assert promised(route) - OF_ALL - OF_SOME - WHEN_TWO_MEET - BY_A_HEADER == told, route.name
    assert FAULTS.keys() <= {route.name for route in ROUTES}
    assert all(CODES[fault.code].status == fault.status for faults in FAULTS.values() for fault in faults)


def test_a_route_tells_the_errors_of_its_kind_and_no_others() -> None:
    for route in ROUTES:
        expected = {"unauthorized", "invalid_api_key", "tenant_inactive", "insufficient_role"}
        expected = set() if route.public else expected
        expected |= {"validation_failed", "unsupported_media_type"} if route.body is not None else set()
        expected |= {"idempotency_key_reused"} if route.mutates and not route.public else set()
        expected |= {"validation_failed"} if asks(route) else set()
        told = promised(route) & OF_SOME
        here_and_there = {
            "signup_closed",
            "webauthn_required",
            "webauthn_failed",
            "not_found",
            "tenant_context_required",
            "impersonation_refused",
            "agent_deactivated",
        }
        assert told - here_and_there == expected, route.name
        named = any(place.startswith("$") for place in route.placeholders.values())
        assert not named or "not_found" in told, route.name


def test_the_appendix_is_served_with_its_roles_and_statuses() -> None:
    """Went red when the access of one route was changed, and when a route of the appendix was not served."""
    served = {(route.method, _without_names(route.path)): route for route in ROUTES}
    for line in (each for text in (SERVED, WEBHOOKS, SKILLS, UI_TEST_RUNS, SPENT, KNOWN) for each in lines(text)):
        found = served[line.method, line.path]
        successes = tuple(
            sorted(status for status in operation(found)["responses"] if status < "4" and status != "304")
        )
        assert (found.access, successes) == (line.access, tuple(sorted(line.successes))), found.name


def test_what_is_said_to_come_later_is_not_served_yet() -> None:
    served = {f"{route.method} {_without_names(route.path)}" for route in ROUTES}
    later = {f"{line.method} {line.path}" for text in NOT_SERVED.values() for line in lines(text)}
    assert served & later == set()
    assert len(lines(SERVED)) + len(later) + len(OTHERWISE) == 115, "lines of the appendix"


def test_every_id_in_a_request_stands_in_the_list_as_an_id() -> None:
    """What is no placeholder there is not tried with another tenant's id. Went red when one was a plain text."""
    for route in ROUTES:
        if route.public or route.admin:
            continue
        asked = {f"path:{name}" for name in route.placeholders} | {f"query:{name}" for name in route.query}
        asked |= set(_places("body", route.body))
        missing = {name for name in _named(route) if not any(place.endswith(name) for place in asked)}
        assert missing - NO_REFERENCE == set(), route.name


def _places(place: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in _places(f"{place}:{name}", each)]
    if isinstance(value, list):
        return [found for each in value for found in _places(place, each)]
    return [place] if isinstance(value, str) and value.startswith("$") else []


def _named(route: Route) -> set[str]:
    """Names of parameters and members that are ids, wherever they are in the request."""
    found = operation(route)
    names = {each["name"] for each in found.get("parameters", ())}
    for content in found.get("requestBody", {}).get("content", {}).values():
        names |= _members(content["schema"])
    return {name for name in names if name == "project" or name.endswith(("_id", "_ids"))}


def _members(schema: Any) -> set[str]:
    if "$ref" in schema:
        return _members(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    names = set(schema.get("properties", ()))
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return names.union(*map(_members, [*inner, *filter(None, [schema.get("items")])]))


def _without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
