"""The command line of the MCP inspector, against /mcp and against `loopctl mcp`: lists, calls, refusals."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from msgspec import Struct

from interop.checkers import CHECKOUT
from interop.mcp.programs import INSPECTOR
from interop.mcp.service import PROJECT, Service
from loopctl.mcp.compatible.tools import TOOLS as ALL
from loopctl.mcp.tools import TOOLS, Tool

TOOL_FAILED, NOT_LET_IN = 5, 3
"""Exit codes."""
AT_ONCE = 2


class Tried(Struct, frozen=True):
    """What was asked, how, and what is wrong with the answer, if anything."""

    about: str
    arguments: tuple[str, ...]
    wrong: Callable[[CompletedProcess[str]], str]


def findings(service: Service, folder: Path) -> dict[str, str]:
    """By what was tried: what is wrong, empty when nothing is. Raises LeftOut, CheckerFailed."""
    tried = [*_lists(service), *_calls(service)]

    def one(each: Tried) -> str:
        return each.wrong(INSPECTOR.run("--cli", *each.arguments, "--format", "json", home=folder))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip((each.about for each in tried), pool.map(one, tried), strict=True))


def _lists(service: Service) -> Iterator[Tried]:
    """``--strict`` exits with 6 for a schema that not every client could use."""
    for role, tools in TOOLS.items():
        yield _list(f"HTTP: the tools of {role}", _http(service, role), "legacy", tools)
    yield _list("HTTP, modern: the tools of agent", _http(service, "agent"), "modern", TOOLS["agent"])
    yield _list("stdio: the tools of agent", _stdio(service, "agent"), "legacy", TOOLS["agent"])
    yield _list("stdio, modern: all the tools", _stdio(service, "agent", LOOPCTL_TOOLS="all"), "modern", ALL)


def _calls(service: Service) -> Iterator[Tried]:
    ways = (("HTTP", _http(service, "agent"), "legacy"), ("stdio", _stdio(service, "agent"), "modern"))
    for way, reached, era in ways:
        yield Tried(f"{way}: a call", _call(reached, era, "get_story", story="1.1"), _answers_the_story)
        refused = _call(reached, era, "get_story", story="9.9")
        yield Tried(f"{way}: a refusal", refused, _exits(TOOL_FAILED, "isError"))
    stranger = (*_to(service), "--header", "Authorization: Bearer lc_of_nobody", "--stored-auth-only")
    yield Tried("HTTP: a key of nobody", (*stranger, "--method", "tools/list"), _exits(NOT_LET_IN, "invalid_api_key"))


def _to(service: Service) -> tuple[str, ...]:
    return (f"{service.inside}/mcp", "--transport", "http")


def _http(service: Service, role: str) -> tuple[str, ...]:
    return (
        *_to(service), "--header", f"Authorization: Bearer {service.keys[role]}", f"X-Loopctl-Project: {PROJECT}",
    )  # fmt: skip


def _stdio(service: Service, role: str, **more: str) -> tuple[str, ...]:
    said = {
        "LOOPCTL_SERVER": service.inside, "LOOPCTL_API_KEY": service.keys[role], "LOOPCTL_PROJECT": PROJECT,
        "PYTHONPATH": str(CHECKOUT), **more,
    }  # fmt: skip
    environment = [part for name, value in said.items() for part in ("-e", f"{name}={value}")]
    return (*environment, sys.executable, "-m", "loopctl", "mcp")


def _list(about: str, reached: Sequence[str], era: str, tools: Sequence[Tool]) -> Tried:
    wanted = [tool.name for tool in tools]

    def wrong(done: CompletedProcess[str]) -> str:
        if done.returncode != 0:
            return _said(done)
        found = [tool["name"] for tool in _result(done)["tools"]]
        return "" if found == wanted else f"lists {found}"

    return Tried(about, (*reached, "--method", "tools/list", "--strict", "--protocol-era", era), wrong)


def _call(reached: Sequence[str], era: str, name: str, **arguments: str) -> tuple[str, ...]:
    said = ("--tool-name", name, "--tool-args-json", json.dumps(arguments), "--protocol-era", era)
    return (*reached, "--method", "tools/call", *said)


def _answers_the_story(done: CompletedProcess[str]) -> str:
    if done.returncode != 0:
        return _said(done)
    result = _result(done)
    number = result["structuredContent"]["story"]["number"]
    same = json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return "" if (number, same, result["isError"]) == ("1.1", True, False) else f"answers {result}"[:500]


def _exits(code: int, word: str) -> Callable[[CompletedProcess[str]], str]:
    def wrong(done: CompletedProcess[str]) -> str:
        return "" if done.returncode == code and word in done.stdout + done.stderr else _said(done)

    return wrong


def _result(done: CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)["result"]


def _said(done: CompletedProcess[str]) -> str:
    return f"exit {done.returncode}: {' '.join((done.stderr or done.stdout).split())[-500:]}"
