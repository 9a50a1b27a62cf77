"""Custody through the tools of agents: wherever a tool does what the campaign over HTTP asks for, the tool is asked.

At /mcp those of the caller's role, and beside them the 52 that guides name, with the caller's key for everything. Each
request that a tool makes on the way is looked at like every other one: which story it has changed, and whether the
model allows that to whoever has called the tool. `make soak ARGS="custody_tools 20000 SEED"`.
"""

import asyncio
import random
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import uvloop
from msgspec import Struct

from api.http.asking import Peer
from api.http.endpoints import Within
from api.mcp import asking_inside, routes
from api.mcp.asking_inside import Sender
from bench.custody_controls import backfilled_by_nobody, lineage_forgotten, replaced
from bench.custody_http import Server
from bench.custody_http_machine import HttpMachine
from bench.custody_model import Bypass
from bench.custody_requests import PLACEHOLDER, Operation, Wanted
from bench.custody_team import Caller, Team
from bench.custody_tool_calls import EVERY_ROLE, OF_ROLES, Call
from bench.servers import bench_server
from config.logs import configure
from loopctl.answers import Answer, Request
from loopctl.mcp.carrying_out import Calls
from loopctl.mcp.compatible.keys import EVERY, Keyring
from loopctl.mcp.compatible.tools import TOOLS as ALL
from loopctl.mcp.inside import Inside
from loopctl.mcp.telling import Failure
from loopctl.mcp.tools import Tool
from tests.api import asgi
from tests.api.asgi import JSON, ask
from tests.api.logs import service
from tests.api.superadmins import superadmin

PEER: Peer = ("127.0.0.1", 1)


class Under(Struct, frozen=True):
    """Whose tool is asking now."""

    own: Team
    caller: Caller
    wish: Wanted


class ToolMachine(HttpMachine):
    """``used`` is how often each tool was called, and how it went: answered, or the code of the refusal. It ends early
    when each of ``wanted`` has happened."""

    def __init__(self, *arguments: Any, wanted: frozenset[tuple[str, str]] = frozenset()) -> None:
        super().__init__(*arguments)
        self._wanted = wanted
        self.used: Counter[tuple[str, str]] = Counter()
        self._under: Under | None = None
        self._found: Exception | None = None
        self._original = asking_inside.answered

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Every request of a tool is looked at."""
        with replaced(asking_inside, "answered", self._recorded):
            yield

    def has_enough(self) -> bool:
        return bool(self._wanted) and self._wanted <= self.used.keys()

    async def _carry_out(self, own: Team, caller: Caller, wish: Wanted) -> None:
        ways = [each for each in (OF_ROLES.get(caller.person.role, {}), EVERY_ROLE) if wish.operation.name in each]
        way = self._chance.choice(ways) if ways and isinstance(wish.body, dict) else None
        call = way[wish.operation.name](wish) if way else None
        if call is None:
            await super()._carry_out(own, caller, wish)
            return
        self._under = Under(own, caller, wish)
        try:
            said = await (self._by_key(caller, call) if way is EVERY_ROLE else self._at_mcp(caller, call))
        finally:
            self._under = None
        if self._found is not None:
            raise self._found
        self.used[call.name, said] += 1
        self.report.statuses[wish.operation.name, 0] += 1

    async def _at_mcp(self, caller: Caller, call: Call) -> str:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        headers = {**JSON, **caller.client.headers()}
        body = msgspec.json.encode(message)
        answer = await ask(self._served.app, "/mcp", method="POST", headers=headers, body=body)
        if answer.status != 200:
            return str(answer.status)
        result = answer.json().get("result")
        if result is None:
            raise Bypass(f"{call.name} is answered {answer.body!r}")
        return str(result["structuredContent"]["error"]["code"]) if result["isError"] else ANSWERED

    async def _by_key(self, caller: Caller, call: Call) -> str:
        """As in a process with LOOPCTL_TOOLS=all, but that it asks an application in this one."""
        sender = Sender(Within(self._served.app, {}, PEER), asyncio.get_running_loop())
        ring = Keyring([EVERY], lambda _: Inside(sender, caller.client.headers(), None), None)

        async def act(tool: Tool, given: Any) -> Any:
            return await asyncio.to_thread(ring.act, tool, given)

        calls = Calls(ALL, act)
        said = await calls.carry_out(call.name, call.arguments)
        return str(said.error["code"]) if isinstance(said, Failure) else ANSWERED

    async def _recorded(self, within: Within, request: Request) -> Answer:
        answer = await self._original(within, request)
        if request.method != "GET" and self._found is None:
            try:
                await self._looked_at(request, answer)
            except Exception as error:  # noqa: BLE001  # told by whoever has called the tool, in another thread
                self._found = error
        return answer

    async def _looked_at(self, request: Request, answer: Answer) -> None:
        if self._under is None:
            raise Bypass(f"{request.method} {request.target} was asked for by no tool")
        own, caller, outer = self._under.own, self._under.caller, self._under.wish
        operation, ids = self._operation(request)
        foreign = outer.foreign and any(named in outer.path for named in ids.values())
        body = msgspec.json.decode(request.content) if request.content else {}
        path, _, _ = request.target.partition("?")
        wish = Wanted(operation, path, body, ids.get("story_id"), foreign)
        heard = asgi.Answer(answer.status, {}, answer.content)
        self._check_status(own, caller, wish, heard)
        await self._answered(own, caller, wish, heard)

    def _operation(self, request: Request) -> tuple[Operation, Mapping[str, str]]:
        path, _, _ = request.target.partition("?")
        # What is spelled out first: next is no story.
        for operation in sorted(self._operations, key=lambda each: each.path.count("{")):
            found = pattern(operation.path).fullmatch(path)
            if found and operation.method == request.method.lower():
                return operation, found.groupdict()
        raise Bypass(f"{request.method} {path} is no operation of the document")


ANSWERED = "answered"


def pattern(path: str) -> re.Pattern[str]:
    return re.compile(PLACEHOLDER.sub(lambda name: f"(?P<{name[0][1:-1]}>[^/]+)", path))


async def campaign(
    server: Server, steps: int, seed: int, wanted: frozenset[tuple[str, str]] = frozenset()
) -> ToolMachine:
    """Raises Bypass."""
    outside = await asyncpg.connect(server.admin_url, timeout=5, command_timeout=10)
    try:
        _, root = await superadmin(server)
        async with service(server) as served:
            await outside.execute("TRUNCATE app.story")  # of an earlier campaign in the same database
            machine = ToolMachine(served, outside, root, seed, wanted=wanted)
            async with machine.recording():
                await machine.run(steps)
            return machine
    finally:
        await outside.close()


def asked_with_anothers_key() -> AbstractContextManager[None]:
    """A tool asks with the key of whoever called any tool before."""
    kept: list[dict[str, str]] = []
    original: Any = routes._handed_on

    def handed_on(headers: Mapping[bytes, bytes]) -> dict[str, str]:
        kept.append(original(headers))
        return kept[-2] if len(kept) > 1 else kept[-1]

    return replaced(routes, "_handed_on", handed_on)


CONTROLS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "tools that ask with another's key": asked_with_anothers_key,
    "lineage counts for nothing": lineage_forgotten,
    "a backfill by nobody": backfilled_by_nobody,
}


async def _run(steps: int, seed: int) -> int:
    async with bench_server() as server:
        try:
            machine = await campaign(server, steps, seed)
        except Bypass as bypass:
            print(f"seed {seed}: BYPASS: {bypass}")
            return 1
        answered = sum(count for (_, how), count in machine.used.items() if how == ANSWERED)
        print(f"seed {seed}: {machine.report.steps} steps, {machine.used.total()} of them calls of tools, 0 bypasses")
        print(f"  answered {answered}: {', '.join(sorted({name for name, how in machine.used if how == ANSWERED}))}")
        print(f"  confirmed by: {machine.report.verifications}")
        green = [name for name, control in CONTROLS.items() if not await red(server, seed, control)]
    print(*(f"control ({name}) GREEN: the machine proves nothing" for name in green), sep="\n")
    return 1 if green else 0


async def red(server: Server, seed: int, control: Callable[[], AbstractContextManager[None]]) -> bool:
    with control():
        try:
            await campaign(server, 20_000, seed)
        except Bypass as bypass:
            print(f"  control: {bypass}")
            return True
    return False


def main(arguments: list[str]) -> int:
    configure("bench", "error")  # of clients that claim what is not so, the log says so each time
    steps = int(arguments[0]) if arguments else 20_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    return uvloop.run(_run(steps, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
