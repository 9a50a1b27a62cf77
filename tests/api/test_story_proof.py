"""One story for outsiders: its proof is checked by the command, and by a program that has none of our code."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Struct

from loopctl.audit.story_proof import StoryReport, judge_story
from loopctl.cli.log import app as log_command
from loopctl.tlog.vkey import VerifierKey, parse_vkey
from tests.api.logs import service
from tests.api.team import CRITERIA, Work, work, worker
from tests.api.work import Client
from tests.support.database import TestDatabase, copied_database
from tests.support.running import CHECKOUT

STRANGER = CHECKOUT / "tests/outside/check_story.py"


class Dispatched(Struct, frozen=True):
    id: str
    caller: Client


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture(scope="module")
async def done(shared: TestDatabase) -> AsyncIterator[Work]:
    """A verified story, one of whose implementer's attempts to report was refused, and one that nobody has touched."""
    async with service(shared) as running:
        made = await work(running, "1.1", "1.2")
        await made.works(made.team.implementer, "1.1")
        assert (await made.do(made.team.implementer, "1.1", "report")).status == 409
        await made.reviews(made.team.reviewer, "1.1")
        await made.verifies("1.1")
        yield made


@pytest.fixture(scope="module")
async def vkey(done: Work) -> VerifierKey:
    listed = await done.team.user.get(f"/tenants/{done.team.user.tenant}/audit_public_keys")
    return parse_vkey(listed.json()["data"][0]["vkey"])


async def proof_of(done: Work, number: str) -> Any:
    answer = await done.team.implementer.get(f"/stories/{done.stories[number]}/log-proof")
    assert answer.status == 200, answer.body
    return answer.json()["data"]


def judged(proof: Any, vkey: VerifierKey) -> StoryReport:
    return judge_story(json.dumps(proof).encode(), [vkey])


async def test_a_proof_shows_every_step_with_its_agent(done: Work, vkey: VerifierKey) -> None:
    report = judged(await proof_of(done, "1.1"), vkey)
    assert (report.verdict, report.verified) == ("good", True)
    assert [(step.type, step.agent) for step in report.steps if step.type != "story.created"] == [
        ("story.contracted", done.team.agents["implementer"]),
        ("story.claimed", done.team.agents["implementer"]),
        ("story.started", done.team.agents["implementer"]),
        ("story.review_requested", done.team.agents["implementer"]),
        ("story.custody_violated", done.team.agents["implementer"]),
        ("story.reported", done.team.agents["reviewer"]),
        ("story.review_completed", done.team.agents["reviewer"]),
        ("story.verified", done.team.agents["lead"]),
    ]
    (confirmation,) = report.confirmations
    assert done.team.agents["implementer"] in confirmation.implementers


async def test_a_proof_shows_under_which_dispatches_each_step_was_done(
    done: Work, vkey: VerifierKey, tmp_path: Path
) -> None:
    """Two dispatches of one person's root: the one implements, its sibling confirms."""
    team = done.team
    root = await dispatched(team.user, "orchestrator", await unkeyed(team.user, "olga", "orchestrator"))
    implements = await dispatched(root.caller, "agent", await unkeyed(team.user, "ada"))
    confirms = await dispatched(root.caller, "agent", await unkeyed(team.user, "radia"))
    epic = await team.user.epic(done.project, 7)
    story = await team.user.story(epic, "7.1", acceptance_criteria=CRITERIA)
    made = Work(team, done.project, epic, {"7.1": story})
    await steps(made, implements.caller, "contract", "claim", "start", "request-review")
    await steps(made, confirms.caller, "report", "review-complete")
    await steps(made, root.caller, "verify")
    proof = await proof_of(made, "7.1")
    report = judged(proof, vkey)
    assert (report.verdict, report.verified) == ("good", True), report.fault
    lineages = {step.type: step.lineage for step in report.steps}
    assert lineages["story.claimed"] == [root.id, implements.id]
    assert lineages["story.review_completed"] == [root.id, confirms.id]
    assert lineages["story.verified"] == [root.id]
    assert (await stranger(proof, vkey, tmp_path))[0] == 0


RIGHTS = {
    "start": "start_cap",
    "report": "report_cap",
    "review-complete": "review_complete_cap",
    "verify": "verify_cap",
}
BODIES: dict[str, Any] = {
    "contract": {"story_title": "Story 7.1", "ac_count": len(CRITERIA)},
    "review-complete": {"review_type": "team"},
    "verify": {"review_type": "team", "summary": "ok"},
}


async def steps(made: Work, who: Client, *actions: str) -> None:
    """Each with the capability that whoever was dispatched has to present."""
    for action in actions:
        body = dict(BODIES.get(action, {}))
        if action in RIGHTS:
            picked = await made.do(who, "7.1", "recover-cap", {"cap_type": RIGHTS[action]})
            assert picked.status == 201, picked.body
            body["cap_id"] = picked.json()["data"]["cap_id"]
        answer = await made.do(who, "7.1", action, body)
        assert answer.status < 300, answer.body


async def unkeyed(user: Client, name: str, kind: str = "implementer") -> str:
    """The id of an agent that has no long-lived key any more."""
    agents: dict[str, str] = {}
    made = await worker(user, name, agents, kind)
    key = (await made.get("/tenants/me")).json()["api_key"]["id"]
    assert (await user.delete(f"/api_keys/{key}")).status == 200
    return agents[name]


async def dispatched(who: Client, role: str, agent: str) -> Dispatched:
    answer = await who.post("/dispatches", {"role": role, "agent_id": agent})
    assert answer.status == 201, answer.body
    made = answer.json()["data"]
    return Dispatched(made["dispatch"]["id"], Client(who.service, who.tenant, made["api_key"]["raw_key"]))


async def test_the_proof_of_an_untouched_story_says_that_nobody_confirmed_it(done: Work, vkey: VerifierKey) -> None:
    report = judged(await proof_of(done, "1.2"), vkey)
    assert (report.verdict, report.verified, report.confirmations) == ("good", False, [])


async def test_a_program_without_our_code_finds_the_same(done: Work, vkey: VerifierKey, tmp_path: Path) -> None:
    code, said = await stranger(await proof_of(done, "1.1"), vkey, tmp_path)
    assert (code, said[-1]) == (0, "good: no confirmation came from the implementer's lineage")
    assert f"verified by {done.team.agents['lead']}" in said[-2]


async def test_the_program_and_we_notice_each_forgery(done: Work, vkey: VerifierKey, tmp_path: Path) -> None:
    proof = await proof_of(done, "1.1")
    last = proof["entries"][-1]
    implementer, lead = done.team.agents["implementer"], done.team.agents["lead"]
    forgeries = {
        "another verifier": {**proof, "entries": [
            *proof["entries"][:-1], {**last, "entry": last["entry"].replace(lead, implementer)}
        ]},
        "a step left out": {**proof, "entries": [each for each in proof["entries"] if "violated" not in each["entry"]]},
        "another head": {**proof, "checkpoint": proof["checkpoint"].replace("\n", "\n1", 1)},
    }  # fmt: skip
    for what, forged in forgeries.items():
        assert judged(forged, vkey).verdict == "bad", what
        assert (await stranger(forged, vkey, tmp_path))[0] != 0, what


async def test_the_command_says_it_in_words(
    done: Work, vkey: VerifierKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "story.json"
    file.write_text(json.dumps(await proof_of(done, "1.1")))
    command = ["check-story", str(file), "--vkey", vkey.text()]
    assert await asyncio.to_thread(log_command, command, result_action="return_value") == 0
    said = capsys.readouterr().out
    assert "no confirmation came from the implementer's lineage" in said
    assert "story.custody_violated" in said


async def test_another_tenants_story_is_not_found(done: Work) -> None:
    assert (await done.team.user.get(f"/stories/{uuid4()}/log-proof")).status == 404
    assert (await done.team.user.get(f"/stories/{done.project}/log-proof")).status == 404, "no story"


async def stranger(proof: Any, vkey: VerifierKey, folder: Path) -> tuple[int, list[str]]:
    """Isolated: neither this folder nor the environment tells it where our code is."""
    file = folder / "story.json"
    file.write_text(json.dumps(proof))
    key = base64.b64encode(vkey.public_key).decode()
    command = [sys.executable, "-I", str(STRANGER), str(file), vkey.name, key]
    ended = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ended.returncode, ended.stdout.splitlines()
