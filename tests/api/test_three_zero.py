"""OpenAPI 3.1 said in the words of 3.0."""

import copy
from typing import Any

import pytest

from api.documentation.three_zero import as_three_zero


def converted(schema: Any) -> Any:
    """A schema, by way of a document that holds it in all the places where one can be."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1", "summary": "s", "license": {"name": "MIT", "identifier": "MIT"}},
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "webhooks": {},
        "paths": {
            "/schema": {
                "get": {
                    "parameters": [{"name": "schema", "in": "query", "schema": copy.deepcopy(schema)}],
                    "responses": {"200": {"description": "", "content": {"a/b": {"schema": copy.deepcopy(schema)}}}},
                }
            }
        },
        "components": {"schemas": {"schema": copy.deepcopy(schema)}, "pathItems": {}},
    }
    before = copy.deepcopy(document)
    found = as_three_zero(document)
    assert document == before
    operation = found["paths"]["/schema"]["get"]
    places = [
        operation["parameters"][0]["schema"],
        operation["responses"]["200"]["content"]["a/b"]["schema"],
        found["components"]["schemas"]["schema"],
    ]
    assert places[0] == places[1] == places[2]
    return places[0]


REFERENCE = {"$ref": "#/components/schemas/Thing"}
NULL = {"nullable": True, "enum": [None]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 5}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a", "b"]},
            {"type": "string", "nullable": True, "enum": ["a", "b", None]},
        ),
        ({"type": "null"}, NULL),
        ({"const": 5}, {"enum": [5]}),
        ({"const": None}, NULL),
        (
            {"type": ["string", "integer"]},
            {"allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}]},
        ),
        (
            {"type": ["array", "integer", "null"]},
            {"allOf": [{"anyOf": [{"type": "array", "items": {}}, {"type": "integer"}, NULL]}]},
        ),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        (
            {"oneOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}], "description": "d"},
            {"type": "string", "enum": ["a", None], "nullable": True, "description": "d"},
        ),
        ({"oneOf": [REFERENCE, {"type": "null"}]}, {"oneOf": [REFERENCE, NULL]}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        (
            {"type": "number", "exclusiveMaximum": 1.5},
            {"type": "number", "maximum": 1.5, "exclusiveMaximum": True},
        ),
        ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
        ({**REFERENCE, "description": "this one"}, {"allOf": [REFERENCE], "description": "this one"}),
        (REFERENCE, REFERENCE),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": {"type": ["string", "null"]}},
            {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
        ),
        (
            {"type": "object", "properties": {"const": {"const": 1}, "type": {"type": ["integer", "null"]}}},
            {"type": "object", "properties": {"const": {"enum": [1]}, "type": {"type": "integer", "nullable": True}}},
        ),
        ({"not": {"type": "null"}}, {"not": NULL}),
        (True, {}),
        (False, {"not": {}}),
    ],
)
def test_a_schema_keeps_its_meaning(given: Any, expected: Any) -> None:
    assert converted(given) == expected


def test_what_stands_around_the_schemas_loses_only_what_is_new() -> None:
    found = as_three_zero(
        {
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1", "summary": "s", "license": {"name": "MIT", "identifier": "MIT"}},
            "webhooks": {"new": {}},
        }
    )
    assert found == {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1", "license": {"name": "MIT"}},
        "paths": {},
    }


def test_examples_are_left_alone() -> None:
    examples = {"one": {"value": {"schema": {"type": ["string", "null"]}, "const": 1}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"content": {"a/b": {"examples": examples}}}}}}},
    }
    content = as_three_zero(document)["paths"]["/a"]["get"]["responses"]["200"]["content"]
    assert content["a/b"]["examples"] == examples
