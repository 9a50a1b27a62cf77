"""No handler and no noun is forgotten: what is declared is served. No body is without bounds."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, inspect

import api
from api.app import NOUNS


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(api.__path__, "api."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def handlers(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, HTTPRouteHandler) and value.fn.__module__ == module.__name__
    }


def test_every_module_with_routes_is_a_noun_of_the_application() -> None:
    """Went red when api.queues.routes was taken out of NOUNS."""
    assert {module.__name__ for module in modules() if handlers(module)} == {noun.__name__ for noun in NOUNS}


def test_every_handler_is_among_the_routes_of_its_module() -> None:
    """Went red when show_epic was taken out of ROUTES."""
    for noun in NOUNS:
        assert handlers(noun) == {route.fn.__name__ for route in noun.ROUTES}, noun.__name__


def unbounded(kind: Any) -> bool:
    match kind:
        case inspect.Metadata(type=inner):
            return unbounded(inner)
        case inspect.UnionType(types=types):
            return any(map(unbounded, types))
        case _:
            return isinstance(kind, inspect.StrType) and kind.max_length is None and kind.pattern is None


def test_every_text_of_a_body_is_bounded() -> None:
    """Went red when the summary of ReviewBody was a plain str."""
    bodies = {
        kind
        for module in modules()
        for name, kind in vars(module).items()
        if name.endswith("Body") and isinstance(kind, type) and issubclass(kind, Struct)
    }
    fields = [(kind.__name__, field) for kind in bodies for field in inspect.type_info(kind).fields]  # type: ignore[attr-defined]  # of a Struct it is a StructType
    assert [f"{name}.{field.name}" for name, field in fields if unbounded(field.type)] == []
    assert len(fields) > 50, "the control: bodies are found"
