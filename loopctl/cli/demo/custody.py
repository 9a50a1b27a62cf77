"""`loopctl demo --custody`: dispatched agents, each a process with a bounded key, and what becomes of those who confirm
the work of their own family, under each policy."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from msgspec import Struct
from msgspec.json import decode, encode

from loopctl.cli.demo import founding
from loopctl.cli.demo.crew import END_SECONDS, undisturbed
from loopctl.cli.demo.hands import Done, Identity, Wish
from loopctl.cli.demo.telling import Ended, check_log, check_story, look_around
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.output import note, print_line
from loopctl.cli.stepping import CAPABILITIES
from loopctl.client import Client

POLICIES = ("agent", "ancestry", "strict")
RELATIVES = {"child": ("agent",), "sibling": ("agent", "ancestry"), "parent": ("agent", "ancestry")}
"""Of the implementer: under which policies they may confirm its work. Its child has an agent's key, which verifies
nothing in any case."""
STEPS = ("report", "review-complete", "verify")
AGENTS = {
    "parent": "orchestrator", "implementer": "implementer", "child": "implementer", "sibling": "orchestrator",
    "reviewer": "orchestrator", "judge": "orchestrator", "other-judge": "orchestrator",
}  # fmt: skip
JUDGED = {"review_type": "demo", "summary": "Looked at"}


class Attempt(Struct, frozen=True):
    policy: str
    relative: str
    step: str
    expected: bool
    done: Done

    @property
    def as_promised(self) -> bool:
        return (not self.done.code) == self.expected


class Hands:
    """A process that has one key."""

    def __init__(self, name: str, agent: str, server: str, key: str) -> None:
        """``agent`` is its agent's id."""
        self.name, self.agent = name, agent
        command = [sys.executable, "-m", "loopctl.cli.demo.hands"]
        with undisturbed():
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own module
        self._say(encode(Identity(server, key)))

    @property
    def pid(self) -> int:
        return self._process.pid

    def does(self, path: str, body: dict[str, Any] | None = None) -> Done:
        self._say(encode(Wish(path, body or {})))
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise Stop(Exit.FAILED, f"The process of {self.name} ended by itself.", "loopctl doctor")
        return decode(line, type=Done)

    def steps(self, story: str, step: str, body: dict[str, Any] | None = None) -> Done:
        """With the capability of the step, when this one gets it."""
        said, path = dict(body or {}), f"stories/{story}"
        if step in CAPABILITIES:
            picked = self.does(f"{path}/recover-cap", {"cap_type": CAPABILITIES[step]})
            if not picked.code:
                said["cap_id"] = picked.body["data"]["cap_id"]
        return self.does(f"{path}/{step}", said)

    def end(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _say(self, line: bytes) -> None:
        if self._process.stdin is None:
            raise AssertionError("it is a pipe")
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()


def run(client: Client, ended: Ended) -> int:
    """The exit code: of the check of the log, and Exit.BAD when anybody got what was not promised."""
    server = ended.server
    project, _ = founding.new_project(client, ended.run, {"epics": [{"number": 1, "title": "Custody", "stories": [
        {"number": "1.1", "title": "Imported"}]}]})  # fmt: skip
    client.request("PATCH", "tenants/me", {"settings": {"require_capabilities": True}})
    note(f"{ended.run} at {server}: capabilities are required of everybody")
    with _family(client, server) as who:
        shown = ", ".join(f"{each.name} {each.pid}" for each in who.values())
        note(f"{len(who)} processes, each with a key of its own: {shown}")
        attempts = [each for policy in POLICIES for each in _under(client, project, policy, who)]
        _table(attempts)
        story, drawn = _whole_loop(client, project, who)
    code = check_log(client, ended) or check_story(client, ended, story)
    look_around(ended)
    wrong = [each for each in attempts if not each.as_promised]
    for each in wrong:
        note(f"{each.relative} under {each.policy}: {each.step} came to {each.done.status} {each.done.code}")
    return code if drawn and not wrong else Exit.BAD


@contextmanager
def _family(client: Client, server: str) -> Iterator[dict[str, Hands]]:
    """The parent has an orchestrator's long-lived key and dispatches implementer and sibling; the others are a
    person's dispatches."""
    mark = secrets.token_hex(2)
    ids = {name: founding.new_agent(client, server, f"{name}-{mark}", kind) for name, kind in AGENTS.items()}
    with ExitStack() as ending:

        def begin(name: str, key: str) -> Hands:
            hands = Hands(name, ids[name], server, key)
            ending.callback(hands.end)
            return hands

        def dispatched(name: str, role: str, by: Any, **more: Any) -> tuple[Hands, str]:
            made = by("dispatches", {"role": role, "agent_id": ids[name], **more})
            data = made.body["data"] if isinstance(made, Done) else made["data"]
            return begin(name, data["api_key"]["raw_key"]), data["dispatch"]["id"]

        parent_key = founding.new_key(client, f"parent-{mark}", "orchestrator", ids["parent"])
        who = {"parent": begin("parent", parent_key)}
        who["implementer"], below = dispatched("implementer", "agent", who["parent"].does)
        who["sibling"], _ = dispatched("sibling", "orchestrator", who["parent"].does)
        who["child"], _ = dispatched("child", "agent", client.post, parent_dispatch_id=below)
        for name in ("reviewer", "judge", "other-judge"):
            who[name], _ = dispatched(name, "orchestrator", client.post)
        yield who


def _under(client: Client, project: str, policy: str, who: dict[str, Hands]) -> list[Attempt]:
    client.request("PATCH", "tenants/me", {"settings": {"lineage_policy": policy}})
    found: list[Attempt] = []
    for relative, policies in RELATIVES.items():
        story = _implemented(client, project, who["implementer"], f"{policy}-{relative}")
        for step in STEPS:
            may = policy in policies and not (relative == "child" and step == "verify")
            body = {} if step == "report" else JUDGED
            done = who[relative].steps(story, step, body)
            found.append(Attempt(policy, relative, step, may, done))
            if done.code and step != "verify":
                _let(who["reviewer"].steps(story, step, body))
    return found


def _implemented(client: Client, project: str, implementer: Hands, title: str) -> str:
    """A new story, until its review was asked for."""
    made = client.post(f"projects/{project}/stories", {"epic_number": 1, "number": _number(client), "title": title})
    story = str(made["story"]["id"])
    _let(implementer.steps(story, "contract", {"story_title": title, "ac_count": 0}))
    for step in ("claim", "start", "request-review"):
        _let(implementer.steps(story, step))
    return story


def _number(client: Client) -> str:
    return f"1.{client.get('stories', page_size=1)['meta']['total_count'] + 1}"


def _whole_loop(client: Client, project: str, who: dict[str, Hands]) -> tuple[str, bool]:
    """Implementer, reviewer, drawn verifier: the story, and whether the drawn one alone could verify."""
    settings = {"lineage_policy": "strict", "verifier_binding": True}
    client.request("PATCH", "tenants/me", {"settings": settings})
    story = _implemented(client, project, who["implementer"], "whole loop")
    drawn = client.get(f"stories/{story}")["story"]["verifier_dispatch_id"]
    live = client.pages("dispatches", active_only=True)
    agent = next(each["agent_id"] for each in live if each["id"] == drawn)
    verifier = next(hands for hands in who.values() if hands.agent == agent)
    others = [hands for name, hands in who.items() if name in ("reviewer", "judge", "other-judge")]
    reviewer = next(hands for hands in others if hands is not verifier)
    _let(reviewer.steps(story, "report"))
    _let(reviewer.steps(story, "review-complete", JUDGED))
    beside = reviewer.steps(story, "verify", JUDGED)
    done = verifier.steps(story, "verify", JUDGED)
    print_line(f"\nThe whole loop, bound to whom the log has drawn: {verifier.name}")
    print_line(f"  {reviewer.name} (process {reviewer.pid}) tried to verify: {beside.status} {beside.code}")
    print_line(f"  {verifier.name} (process {verifier.pid}) verified: {'yes' if not done.code else done.code}")
    return story, beside.code == "not_drawn_verifier" and not done.code


def _let(done: Done) -> None:
    """Raises Stop when what goes before an attempt is refused."""
    if done.code:
        message = done.body.get("error", {}).get("message", "") if isinstance(done.body, dict) else ""
        raise Stop(Exit.FAILED, f"{done.status} {done.code}: {message}")


def _table(attempts: Sequence[Attempt]) -> None:
    print_line("\nWho may confirm the implementer's work, and what came of it:")
    print_line(f"  {'policy':10}{'relative':10}" + "".join(f"{step:24}" for step in STEPS))
    for policy in POLICIES:
        for relative in RELATIVES:
            row = [each for each in attempts if (each.policy, each.relative) == (policy, relative)]
            shown = [f"{each.done.code or 'yes'}{'' if each.as_promised else ' (!)'}" for each in row]
            print_line(f"  {policy:10}{relative:10}" + "".join(f"{cell:24}" for cell in shown))
