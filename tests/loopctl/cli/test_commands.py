"""No command is forgotten: what is written is listed, and every step of a story has one."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

from cyclopts import App

import loopctl.cli
from loopctl.cli.commands import GROUPS
from loopctl.cli.options import Common
from tests.contract.routes import LIFECYCLE

LISTED = [each for group in GROUPS.values() for each in group]
OTHERWISE = {"start-work", "report-done", "force-unclaim", "artifacts", "verification-runs", "evidence"}
"""Other names of a step, an option of one, what a report sends along, and what report-run sends."""


def written() -> Iterator[str]:
    """Functions that take the options of every command, as commands.py names them."""
    for found in pkgutil.walk_packages(loopctl.cli.__path__, "loopctl.cli."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            defaults = (parameter.default for parameter in inspect.signature(function).parameters.values())
            if function.__module__ == module.__name__ and any(isinstance(each, Common) for each in defaults):
                yield f"{module.__name__}:{name}"


def served() -> Iterator[str]:
    """Those that are listed, or belong to an App that is."""
    for each in LISTED:
        module, _, name = each.target.partition(":")
        yield from _functions(getattr(importlib.import_module(module), name))


def _functions(target: object) -> Iterator[str]:
    if not isinstance(target, App):
        yield f"{target.__module__}:{target.__qualname__}"  # type: ignore[attr-defined]  # a function
        return
    if target.default_command is not None:
        yield from _functions(target.default_command)
    for name in target:
        if not name.startswith("-"):
            yield from _functions(target[name])


def test_every_command_that_is_written_is_listed() -> None:
    """Went red when heartbeat was taken out of GROUPS."""
    assert set(written()) - set(served()) == set()


def test_every_step_of_a_story_is_a_command() -> None:
    """Went red when heartbeat was taken out of GROUPS."""
    steps = {route.path.rpartition("/")[2] for route in LIFECYCLE if "{story_id}" in route.path}
    assert steps - OTHERWISE - {each.name for each in LISTED} == set()
