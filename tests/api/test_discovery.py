"""What a client that knows only the host can find."""

import asyncio
import hashlib
import re
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from litestar import get
from litestar.params import FromPath

from config.settings import Settings
from tests.api.asgi import ask, made

TENANT = "0193a2b4-0000-7000-8000-000000000001"
PUBLIC = Settings(public_url="https://loop.example/")


async def test_people_get_a_page_and_programs_are_sent_to_the_api() -> None:
    page = await ask(made(), "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"/swaggerui" in page.body
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = await ask(made(), "/", headers=headers)
        assert (answer.status, answer.headers["location"], answer.body) == (302, "/api/v1/", b"")


async def test_the_entry_document() -> None:
    assert (await ask(made(), "/api/v1/")).json() == {
        "name": "loopctl",
        "version": "1.2.3",
        "docs": "/api/v1/openapi",
        "swagger_ui": "/swaggerui",
        "health": "/health",
    }


async def test_nobody_else_waits_while_the_document_is_made() -> None:
    """Went red while it was made between two turns of the loop."""
    app, finished = made(), []

    async def asked(path: str) -> None:
        finished.append((await ask(app, path)).status and path)

    await asyncio.gather(asked("/api/v1/openapi"), asked("/livez"), asked("/api/v1/openapi?version=3.0"))
    assert finished[0] == "/livez"


async def test_the_route_list_is_read_off_the_router() -> None:
    @get("/api/v1/stories/{story_id:uuid}/notes/{note:str}", opt={"access": "=agent,orchestrator"}, summary="One note")
    async def show_note(story_id: FromPath[UUID], note: FromPath[str]) -> str:
        return note

    found = (await ask(made(show_note), "/api/v1/routes")).json()
    assert found["count"] == len(found["routes"])
    assert {
        "method": "GET",
        "path": "/api/v1/stories/:story_id/notes/:note",
        "description": "One note",
        "role": "=agent,orchestrator",
    } in found["routes"]
    paths = [route["path"] for route in found["routes"]]
    assert {"/health", "/livez", "/readyz", "/metrics", "/", "/api/v1", "/swaggerui", "/favicon.ico"} <= set(paths)
    assert paths == sorted(paths)
    assert "OPTIONS" not in {route["method"] for route in found["routes"]}


async def test_every_listed_route_exists() -> None:
    app = made()
    for route in (await ask(app, "/api/v1/routes")).json()["routes"]:
        if route["path"] == "/design" or route["path"].startswith("/login/"):
            continue  # for those who build pages; and asked by our own pages alone: tests/api/web
        path = route["path"].replace(":name", "index.css").replace(":position", "1")
        answer = await ask(app, re.sub(r":\w+_id\b", TENANT, path), method=route["method"])
        if route["role"] != "public":
            assert answer.status == 401, route
        elif ":" not in route["path"]:  # without a tenant, not found is what the others answer too
            assert answer.status < 400 or (route["method"] == "POST" and answer.status == 422), route


async def test_the_well_known_document_has_fixed_addresses() -> None:
    answer = await ask(made(settings=PUBLIC), "/.well-known/loopctl", headers={"Host": "evil.example"})
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == {
        "spec_version": "2",
        "mcp_server": {
            "name": "loopctl-mcp-server",
            "npm_version": "1.2.3",
            "repository_url": "https://github.com/mkreyman/loopctl",
        },
        "audit_signing_key_url": "https://loop.example/api/v1/tenants/{tenant_id}/audit_public_key",
        "capability_scheme_url": "https://loop.example/wiki/capability-tokens",
        "chain_of_custody_spec_url": "https://loop.example/wiki/chain-of-custody",
        "discovery_bootstrap_url": "https://loop.example/wiki/agent-bootstrap",
        "required_agent_pattern_url": "https://loop.example/wiki/agent-pattern",
        "system_articles_endpoint": "https://loop.example/api/v1/articles/system",
        "contact": "operator@loop.example",
    }


async def test_the_operator_can_give_an_address_of_their_own() -> None:
    settings = Settings(public_url="https://loop.example", contact="ops@example.org")
    assert (await ask(made(settings=settings), "/.well-known/loopctl")).json()["contact"] == "ops@example.org"


@pytest.mark.parametrize("form", ["{}", '{}, W/"other"', "*"])
async def test_whoever_knows_the_document_already_gets_304_without_a_body(form: str) -> None:
    app = made()
    first = await ask(app, "/.well-known/loopctl")
    etag = first.headers["etag"]
    assert etag == f'W/"{hashlib.sha256(first.body).hexdigest()[:16]}"'
    again = await ask(app, "/.well-known/loopctl", headers={"If-None-Match": form.format(etag)})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)


async def test_whoever_knows_another_version_gets_the_document() -> None:
    answer = await ask(made(), "/.well-known/loopctl", headers={"If-None-Match": 'W/"0123456789abcdef"'})
    assert answer.status == 200


async def test_the_document_fits_its_schema_and_a_worse_one_does_not() -> None:
    app = made()
    answer = await ask(app, "/.well-known/loopctl/schema.json")
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    schema: Any = answer.json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["type"] == "object"
    document = (await ask(app, "/.well-known/loopctl")).json()
    jsonschema_rs.validate(schema, document)
    for name in schema["required"]:
        assert not jsonschema_rs.is_valid(schema, {key: value for key, value in document.items() if key != name})
