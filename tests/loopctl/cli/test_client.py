"""The client as a library: what docs/client.md says of it, in threads and in asyncio, with the service and a stub."""

import asyncio
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import loopctl
from loopctl import AsyncClient, Client, Failed, Refused, Unreachable, Unusable
from loopctl.audit.receipts import judge_receipt, trust_in
from loopctl.conversation import ATTEMPTS
from loopctl.seen import InMemory
from loopctl.tlog.vkey import parse_vkey
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, error, stub
from tests.support.running import CHECKOUT, Run

GOOD = Answer(200, {"ok": True})
CUT = Answer(0)
PRINTED = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs" / "client.md").read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        await original(0)

    original = asyncio.sleep
    monkeypatch.setattr("loopctl.async_client.sleep", at_once)


async def in_threads(server: str, do: Callable[[Any], Any], key: str | None = "key") -> Any:
    def run() -> Any:
        with Client(server, key, sleep=lambda _: None) as client:
            return do(client)

    return await asyncio.to_thread(run)


async def in_asyncio(server: str, do: Callable[[Any], Awaitable[Any]], key: str | None = "key") -> Any:
    async with AsyncClient(server, key) as client:
        return await do(client)


BOTH = pytest.mark.parametrize("asking", [in_threads, in_asyncio])


@pytest.mark.parametrize("printed", PRINTED, ids=["threads", "asyncio"])
def test_the_printed_agent_takes_a_story_to_its_review(
    running: Run, shell: Shell, keys: Keys, project: str, printed: str
) -> None:
    assert sum(bool(line) for line in printed.splitlines()) == 5
    if "await" in printed:
        inner = textwrap.indent(printed, "    ")
        printed = f"import asyncio\nasync def main():\n{inner}\nasyncio.run(main())"
    names = f"SERVER, KEY, PROJECT = {running.address!r}, {keys.implementer!r}, {project!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", names + printed], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    (story,) = [each for each in shell.good("stories", "--project", project)["data"] if each["review_requested_at"]]
    assert (story["number"], story["agent_status"]) == ("2.1", "implementing")


@BOTH
async def test_a_write_is_recorded_with_a_receipt_that_holds(
    running: Run, shell: Shell, keys: Keys, project: str, asking: Any
) -> None:
    story = shell.good("status", "2.1", "--project", project)["story"]
    body = {"story_title": story["title"], "ac_count": 1}
    path = f"stories/{story['id']}/contract"
    recorded = await asking(running.address, lambda client: client.recorded("POST", path, body), keys.implementer)
    assert recorded.body["story"]["agent_status"] == "contracted"
    tenant = shell.good("tenant", "info")["tenant"]["id"]
    (key,) = shell.good("api", "GET", f"tenants/{tenant}/audit_public_keys")["data"][-1:]
    chain = f"audit/chain?after={recorded.position - 1}&limit=1"
    entry = shell.good("api", "GET", chain)["data"][0]["entry"].encode()
    trust = trust_in((parse_vkey(key["vkey"]),), None)
    assert judge_receipt(recorded.receipt, entry, trust).verdict == "good"
    assert judge_receipt(recorded.receipt, entry + b" ", trust).verdict == "bad", "the control"


@BOTH
async def test_all_pages_are_followed(running: Run, keys: Keys, shell: Shell, project: str, asking: Any) -> None:
    async def numbers(client: AsyncClient) -> list[str]:
        return [story["number"] async for story in client.pages("stories", project_id=project)]

    def same(client: Client) -> list[str]:
        return [story["number"] for story in client.pages("stories", project_id=project)]

    assert await asking(running.address, numbers if asking is in_asyncio else same, keys.user) == ["2.1", "2.2", "2.3"]


@BOTH
async def test_the_heads_that_were_seen_are_kept(running: Run, keys: Keys, asking: Any) -> None:
    store = InMemory()

    def ask(client: Any) -> Any:
        client.keep_heads_in(store)
        return client.get("tenants/me")

    await asking(running.address, ask, keys.orchestrator)
    assert [kept.size for kept in store._kept.values()] != []


@BOTH
@pytest.mark.parametrize("passing", [CUT, error(503, "overloaded"), error(429, "rate_limited"), error(502, "bad")])
async def test_what_passes_is_sent_again_with_the_same_key(asking: Any, passing: Answer) -> None:
    with stub(passing, passing, GOOD) as server:
        assert await asking(server.address, lambda client: client.post("stories", {"a": 1})) == {"ok": True}
    assert (len(server.asked), len({asked.key for asked in server.asked})) == (3, 1)


@BOTH
async def test_a_key_of_ones_own_is_sent(asking: Any) -> None:
    with stub(GOOD) as server:
        await asking(server.address, lambda client: client.request("PUT", "x", {}, idempotency_key="mine"))
    assert [asked.key for asked in server.asked] == ["mine"]


FAILING: dict[str, tuple[Answer, type[Failed], int]] = {
    "refused": (error(409, "conflict"), Refused, 1),
    "refused for good": (error(503, "tenant_halted"), Refused, 1),
    "away": (CUT, Unreachable, ATTEMPTS),
    "no object": (Answer(200, [1]), Unusable, 1),
    "elsewhere": (Answer(301, {}, {"Location": "https://elsewhere.example/"}), Unusable, 1),
}


@BOTH
@pytest.mark.parametrize("how", FAILING)
async def test_failures_are_the_same_exceptions(asking: Any, how: str) -> None:
    answer, kind, attempts = FAILING[how]
    with stub(answer) as server, pytest.raises(kind):
        await asking(server.address, lambda client: client.post("stories"))
    assert len(server.asked) == attempts


async def test_an_exception_says_which_write_may_have_been_carried_out() -> None:
    with stub(CUT) as server, pytest.raises(Unreachable) as lost:
        await in_asyncio(server.address, lambda client: client.post("stories"))
    with stub(error(409, "conflict")) as server, pytest.raises(Refused) as refused:
        await in_asyncio(server.address, lambda client: client.post("stories"))
    assert lost.value.write is not None
    assert (lost.value.write.method, lost.value.write.path) == ("POST", "stories")
    assert refused.value.write is None, "the control: it was not"


async def test_calls_of_asyncio_are_under_way_at_once_and_the_loop_goes_on() -> None:
    """Each answer is held until all have been asked for: one after the other would never end."""
    all_asked, come = threading.Event(), []

    def count(path: str) -> None:
        come.append(path)
        if len(come) == 4:
            all_asked.set()

    with stub(Answer(200, {}, held=all_asked), before=count) as server:
        async with AsyncClient(server.address, "key", connections=4) as client:
            calls = asyncio.gather(*(client.get(f"stories/{number}") for number in range(4)))
            async with asyncio.timeout(60):
                assert await calls == [{}, {}, {}, {}]


async def test_a_call_that_is_cancelled_leaves_the_client_usable() -> None:
    asked, free = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def before(_: str) -> None:
        loop.call_soon_threadsafe(asked.set)

    with stub(Answer(200, {}, held=free), GOOD, before=before) as server:
        async with AsyncClient(server.address, "key") as client:
            call = asyncio.create_task(client.get("stories"))
            await asked.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await client.get("stories") == {"ok": True}
            free.set()


def test_what_the_package_offers_is_loaded_when_it_is_used() -> None:
    """A command that explains itself needs none of it. Went red with an import at the top of loopctl/__init__.py."""
    code = "import sys, loopctl; loaded = 'loopctl.client' in sys.modules; loopctl.Client; print(loaded)"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert {name: getattr(loopctl, name).__name__ for name in loopctl.WHERE} == {name: name for name in loopctl.WHERE}
    with pytest.raises(AttributeError):
        _ = loopctl.Nothing


def test_the_package_says_its_types() -> None:
    assert (CHECKOUT / "loopctl" / "py.typed").exists()
