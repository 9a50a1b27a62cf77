"""What the OpenAPI document says about every route."""

import asyncio
import difflib
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_30, OPENAPI_31

from api.http.codes import CODES
from api.http.policy import ACCESS
from tests.api.asgi import ask, echo, made
from tests.contract.snapshot import SNAPSHOT, current


async def document(version: str = "3.1") -> dict[str, Any]:
    found: dict[str, Any] = (await ask(made(echo), f"/api/v1/openapi?version={version}")).json()
    return found


async def test_the_contract_is_the_one_that_was_agreed_to() -> None:
    """Goes red with every change of a route, a schema or an error; tests/contract/snapshot.py says how to agree."""
    agreed = await asyncio.to_thread(SNAPSHOT.read_text, "utf-8")
    difference = difflib.unified_diff(agreed.splitlines(), (await current()).splitlines(), "agreed", "now", n=1)
    assert not (lines := "\n".join(difference)), f"run `python -m tests.contract.snapshot`, look at it:\n{lines}"


@pytest.mark.parametrize(("version", "meta", "starts"), [("3.1", OPENAPI_31, "3.1."), ("3.0", OPENAPI_30, "3.0.")])
async def test_the_document_is_what_its_version_allows(version: str, meta: Any, starts: str) -> None:
    found = await document(version)
    assert found["openapi"].startswith(starts)
    validator = jsonschema_rs.validator_for(meta)
    assert [error.message for error in validator.iter_errors(found)] == []
    other = OPENAPI_30 if meta is OPENAPI_31 else OPENAPI_31
    assert not jsonschema_rs.validator_for(other).is_valid(found)


@pytest.mark.parametrize("version", ["3.1", "3.0"])
async def test_every_reference_leads_somewhere(version: str) -> None:
    found = await document(version)
    targets = set(_references(found))
    assert targets
    for target in targets:
        node: Any = found
        for part in target.removeprefix("#/").split("/"):
            node = node[part]


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [target for child in node for target in _references(child)]
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [target for child in node.values() for target in _references(child)]
    return []


async def test_every_route_says_what_it_does_who_may_and_how_it_can_fail() -> None:
    found = await document()
    operations = [operation for item in found["paths"].values() for operation in item.values()]
    assert len(operations) >= 10
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert len(operation["summary"]) > 5
        assert ACCESS.fullmatch(operation["x-role"])
        assert {"400", "408", "413", "414", "429", "431", "500", "503"} <= operation["responses"].keys()
        assert ("415" in operation["responses"]) == ("requestBody" in operation)
        assert ({"401", "403"} <= operation["responses"].keys()) == (operation["x-role"] != "public")
        assert all("description" in parameter for parameter in operation.get("parameters", ()))


async def test_every_json_answer_has_an_example_or_is_a_document_without_one() -> None:
    found = await document()
    bare = [
        f"{path} {status}"
        for path, item in found["paths"].items()
        for operation in item.values()
        for status, response in operation["responses"].items()
        for kind, content in response.get("content", {}).items()
        if kind == "application/json" and "examples" not in content
    ]
    assert bare == ["/api/v1/openapi 200", "/api/v1/schemas/import 200", "/echo 200"]


async def test_every_code_in_the_document_is_in_the_table_with_its_status() -> None:
    found = await document()
    for item in found["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    codes = response["$ref"].rpartition("/")[2].split(".")
                    assert {CODES[code].status for code in codes} == {int(status)}


async def test_an_error_is_what_the_document_says() -> None:
    found = await document()
    schema = {**found["components"]["schemas"]["Error"], "components": found["components"]}
    problem = found["components"]["schemas"]["Problem"]
    app = made(echo)
    for target in ("/nope", "/api/v1?a=1&a=2", "/api/v1/openapi?version=2"):
        jsonschema_rs.validate(schema, (await ask(app, target)).json())
        answer = await ask(app, target, headers={"Accept": "application/problem+json"})
        jsonschema_rs.validate(problem, answer.json())
    assert not jsonschema_rs.is_valid(schema, {"error": "nope"})


async def test_the_framework_s_own_error_is_nowhere() -> None:
    assert "status_code" not in str(await document())


async def test_nothing_else_serves_a_document() -> None:
    app = made()
    for target in ("/schema", "/schema/openapi.json", "/schema/swagger", "/openapi.json"):
        assert (await ask(app, target)).status == 404
