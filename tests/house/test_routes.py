"""No handler and no noun is forgotten: what is declared is served."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from litestar.handlers import HTTPRouteHandler

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
