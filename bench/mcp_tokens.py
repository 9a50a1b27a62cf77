"""Tokens of one job: a project from empty to all stories verified, by three agents, in three ways of asking loopctl.

The few tools of each role, the 52 that guides name, and the command. Counted is what a model reads and writes of it:
the definitions of tools as they are listed, once for each agent (of the command its --help), each call, each answer.
What an agent thinks and what its work is made of is the same in all of them, and not counted.
"""

import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from mcp import StdioServerParameters
from mcp.client import Client as Connected

from bench.agents_at_work import REVIEW, Crew, Over, Refused, Spent, by_all_tools, by_few_tools, verified
from bench.table import told
from interop.mcp.service import Service, service
from loopctl.cli.main import run
from loopctl.client import Client
from tests.support.backlog import backlog
from tests.support.running import CHECKOUT

ENCODING = "o200k_base"
SECONDS = 120
EPICS, STORIES = 3, 12


class Commands:
    """The command, as an agent types it and reads what it prints."""

    def __init__(self, environment: Mapping[str, str], measure: Callable[[str], int], spent: Spent) -> None:
        self._environment = environment
        self._measure = measure
        self._spent = spent
        spent.definitions += measure(self._printed("--help")[1])

    async def call(self, name: str, /, *arguments: str) -> Any:
        """Raises Refused."""
        code, out, err = self._printed(name, *arguments)
        self._spent.calls += 1
        self._spent.asked += self._measure(" ".join(("loopctl", name, *(json.dumps(each) for each in arguments))))
        self._spent.answered += self._measure(out + err)
        if code:
            raise Refused(json.loads(err.splitlines()[-1])["error"]["code"])
        return json.loads(out)

    def _printed(self, *arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        os.environ.update(self._environment)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                return run(arguments), out.getvalue(), err.getvalue()
        finally:
            os.environ.clear()
            os.environ.update(before)


async def by_commands(crew: Sequence[Commands], file: Path) -> Mapping[str, Any]:
    """The project's progress at the end."""
    implementer, reviewer, orchestrator = crew
    await orchestrator.call("import", str(file))
    before: Any = None
    while True:
        try:
            number = (await implementer.call("claim", "--next"))["story"]["number"]
            for command in ("start", "request-review"):
                await implementer.call(command, number)
        except Refused as refused:
            if str(refused) != "nothing_ready":
                raise
        for each in (await reviewer.call("waiting", "--role", "agent"))["data"]:
            number = each["story"]["number"]
            await reviewer.call("status", number)
            await reviewer.call("report", number)
            said = (f"--{name.replace('_', '-')}={value}" for name, value in REVIEW.items())
            await reviewer.call("review-complete", number, *said)
        for story in (await orchestrator.call("pending"))["data"]:
            await orchestrator.call("verify", story["number"])
        progress = (await orchestrator.call("status"))["progress"]
        if progress == before or verified(progress) == progress["total_stories"]:
            return dict(progress)
        before = progress


async def measured(running: Service, folder: Path, measure: Callable[[str], int]) -> dict[str, Spent]:
    work = backlog(EPICS, STORIES)
    founder = Client(running.inside, running.keys["user"])
    for slug in ("few", "all", "command"):
        founder.post("projects", {"name": slug, "slug": slug})
    founder.close()
    spent = {name: Spent() for name in ("the few tools of each role", "the 52 tools", "the command")}
    few, every, typed = spent.values()
    keys = {name: running.keys[name] for name in ("agent", "reviewer", "orchestrator")}
    own = [{"LOOPCTL_API_KEY": key, "LOOPCTL_PROJECT": "few"} for key in keys.values()]
    async with AsyncExitStack() as stack:
        crew = Crew(*[await _process(stack, running, env, measure, few) for env in own])
        _check(await by_few_tools(crew, work))
    names = ("LOOPCTL_AGENT_KEY", "LOOPCTL_REVIEWER_KEY", "LOOPCTL_ORCH_KEY")
    printed = [{name: key, "LOOPCTL_TOOLS": "all"} for name, key in zip(names, keys.values(), strict=True)]
    async with AsyncExitStack() as stack:
        crew = Crew(*[await _process(stack, running, env, measure, every) for env in printed])
        _check(await by_all_tools(crew, work, "all"))
    file = folder / "backlog.json"
    file.write_text(json.dumps(work))
    shells = [_environment(running, LOOPCTL_API_KEY=key, LOOPCTL_PROJECT="command") for key in keys.values()]
    _check(await by_commands([Commands(env, measure, typed) for env in shells], file))
    return spent


async def _process(
    stack: AsyncExitStack, running: Service, env: Mapping[str, str], measure: Callable[[str], int], spent: Spent
) -> Over:
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "loopctl", "mcp"], env=_environment(running, **env)
    )
    client = await stack.enter_async_context(Connected(started, read_timeout_seconds=SECONDS))
    session = Over(client, measure, spent)
    await session.listed()
    return session


def _environment(running: Service, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    own = {"LOOPCTL_CONFIG": os.devnull, "LOOPCTL_SERVER": running.inside, "PYTHONPATH": str(CHECKOUT)}
    return {**kept, **own, **more}


def _check(progress: Mapping[str, Any]) -> None:
    if verified(progress) != STORIES:
        raise AssertionError(progress)


def counter() -> Callable[[str], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads its data, and warns, when it is loaded
        from bpe_openai import get_encoding  # noqa: PLC0415  # as said
    encoding = get_encoding(ENCODING)
    return lambda text: len(encoding.encode(text))


def main(_: Sequence[str]) -> None:
    with TemporaryDirectory(prefix="loopctl-bench-") as temporary, service(Path(temporary)) as running:
        spent = uvloop.run(measured(running, Path(temporary), counter()))
    print(f"{STORIES} stories, 3 agents; tokens by {ENCODING}")
    for name, each in spent.items():
        parts = f"{each.definitions} definitions, {each.asked} asked, {each.answered} answered in {each.calls} calls"
        told(name, f"{each.everything}: {parts}")
