"""OpenAPI 3.1 to 3.0.3, for tools that know no newer one.

3.1 is JSON Schema 2020-12; 3.0 has a dialect of its own. What 3.0 cannot say is dropped, which only ever makes the
description wider: everything that the 3.1 document allows, the 3.0 document allows too.
"""

from typing import Any

SCHEMA_WORDS = frozenset(
    {
        "$schema", "$id", "$anchor", "$comment", "$defs", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "contains",
        "minContains", "maxContains", "contentSchema", "contentEncoding", "contentMediaType", "dependentRequired",
        "dependentSchemas", "else", "if", "patternProperties", "propertyNames", "then", "unevaluatedItems",
        "unevaluatedProperties",
    }
)  # fmt: skip
"""Words of 2020-12 that 3.0 does not have and that only narrow."""

NULL: dict[str, Any] = {"nullable": True, "enum": [None]}

LISTS = ("allOf", "anyOf", "oneOf")


def as_three_zero(document: dict[str, Any]) -> dict[str, Any]:
    """A new document; the given one stays as it is."""
    converted: dict[str, Any] = _walk(
        {name: value for name, value in document.items() if name not in ("webhooks", "jsonSchemaDialect")}
    )
    converted["openapi"] = "3.0.3"
    info = {name: value for name, value in document["info"].items() if name != "summary"}
    if "license" in info:
        info["license"] = {name: value for name, value in info["license"].items() if name != "identifier"}
    converted["info"] = info
    converted.setdefault("paths", {})
    components = converted.get("components")
    if components is not None:
        components.pop("pathItems", None)
        schemas = document.get("components", {}).get("schemas", {})
        components["schemas"] = {name: _schema(schema) for name, schema in schemas.items()}
    return converted


def _walk(node: Any) -> Any:
    """Outside schemas only the schemas change."""
    if isinstance(node, list):
        return [_walk(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _schema(child)
        if name == "schema"
        else child
        if name in ("example", "examples", "value")
        else _walk(child)
        for name, child in node.items()
    }


def _schema(schema: Any) -> dict[str, Any]:
    if schema is True or schema == {}:
        return {}
    if schema is False:
        return {"not": {}}
    if "$ref" in schema:
        return _reference(schema)
    found: dict[str, Any] = {}
    for word, value in schema.items():
        if word not in SCHEMA_WORDS and word not in ("type", "prefixItems", "const", "examples"):
            found[word] = _word(word, value)
    _convert_type(found, schema.get("type"))
    _convert_null_branches(found)
    _convert_bounds(found)
    if "const" in schema:
        found.update(NULL if schema["const"] is None else {"enum": [schema["const"]]})
    if schema.get("examples"):
        found.setdefault("example", schema["examples"][0])
    if found.get("required") == []:
        del found["required"]  # 3.0 wants at least one name, or none at all
    if "prefixItems" in schema or (found.get("type") == "array" and "items" not in found):
        found["items"] = _tuple_items(schema)
    return found


def _reference(schema: dict[str, Any]) -> dict[str, Any]:
    """3.0 ignores what stands beside a reference, so it goes around it."""
    beside = {word: value for word, value in schema.items() if word != "$ref"}
    return {"$ref": schema["$ref"]} if not beside else {**_schema(beside), "allOf": [{"$ref": schema["$ref"]}]}


def _word(word: str, value: Any) -> Any:
    if word in LISTS:
        return [_schema(child) for child in value]
    if word == "properties":
        return {name: _schema(child) for name, child in value.items()}
    if word in ("items", "not") or (word == "additionalProperties" and isinstance(value, dict)):
        return _schema(value)
    return value


def _convert_type(found: dict[str, Any], kind: Any) -> None:
    """3.0 has one type and ``nullable``, no type ``null``."""
    if kind is None:
        return
    given = [kind] if isinstance(kind, str) else list(kind)
    kinds = [name for name in given if name != "null"]
    nullable = len(kinds) < len(given)
    if not kinds:
        found.update(NULL)
    elif len(kinds) == 1:
        found["type"] = kinds[0]
        if nullable:
            _make_nullable(found)
    else:
        # ``nullable`` means nothing without a type beside it, so null is a branch of its own.
        branches: list[dict[str, Any]] = [
            {"type": name, **({"items": {}} if name == "array" else {})} for name in kinds
        ]
        found.setdefault("allOf", []).append({"anyOf": branches + ([dict(NULL)] if nullable else [])})


def _make_nullable(found: dict[str, Any]) -> None:
    found["nullable"] = True
    if "enum" in found and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]


def _convert_null_branches(found: dict[str, Any]) -> None:
    """``oneOf: [X, null]`` becomes a nullable X where X says its type in place; a reference keeps the branch."""
    for word in ("anyOf", "oneOf"):
        others = [branch for branch in found.get(word, ()) if branch != NULL]
        if len(others) == 1 and "type" in others[0] and len(found[word]) == 2 and not others[0].keys() & found.keys():
            del found[word]
            found.update(others[0])
            _make_nullable(found)


def _convert_bounds(found: dict[str, Any]) -> None:
    """3.0 writes an exclusive bound as a flag beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        value = found.get(exclusive)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[bound], found[exclusive] = value, True


def _tuple_items(schema: dict[str, Any]) -> dict[str, Any]:
    """3.0 has no tuples: any of the members' schemas, at every place."""
    members = [_schema(child) for child in schema.get("prefixItems", ())]
    rest = schema.get("items")
    if isinstance(rest, dict):
        members.append(_schema(rest))
    unique = [member for number, member in enumerate(members) if member not in members[:number]]
    return {} if not unique or {} in unique else unique[0] if len(unique) == 1 else {"anyOf": unique}
