"""Evidence of tests over HTTP: posted as files are, listed, shown, and wanted before anybody verifies."""

import base64
import gzip
import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client

COMMIT = "9" * 40
GOOD = b'<testsuite tests="1"><testcase classname="tests.a" name="test_a"/></testsuite>'
BAD = b'<testsuite tests="1"><testcase classname="tests.a" name="test_a"><failure/></testcase></testsuite>'
VERIFY = {"review_type": "team", "summary": "ok"}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"gitCommit": COMMIT}}],
    "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
    "predicate": {"result": "PASSED", "configuration": [], "passedTests": ["tests/a.py::test_a"]},
}  # fmt: skip


@pytest.fixture
async def loop(served: Service) -> Work:
    """Three stories, reported and reviewed."""
    made = await work(served, "1.1", "1.2", "1.3")
    for number in made.stories:
        await made.works(made.team.implementer, number)
        await made.reviews(made.team.reviewer, number)
    return made


async def gate(loop: Work, value: Any) -> Answer:
    return await loop.team.user.patch("/tenants/me", {"settings": {"verification_gate": value}})


async def send(
    loop: Work, number: str, body: bytes, kind: str = "application/xml", who: Client | None = None, **more: str
) -> Answer:
    """As a CI sends a file."""
    client, query = who or loop.team.reviewer, f"?commit={more.pop('commit', COMMIT)}"
    path = f"/api/v1/stories/{loop.stories[number]}/evidence{query}"
    others = {name.replace("_", "-"): value for name, value in more.items()}
    headers = {**client.headers(), "Content-Type": kind, **others}
    return await ask(client.service.app, path, method="POST", headers=headers, body=body)


async def test_a_file_is_recorded_by_its_hash_and_counts_and_shown(loop: Work) -> None:
    made = await send(loop, "1.1", GOOD)
    assert made.status == 201, made.body
    found = made.json()["evidence"]
    assert (found["status"], found["tests"], found["source"], found["commit_sha"]) == ("pass", 1, "key", COMMIT)
    assert found["sha256"] == sha256(GOOD).hexdigest()
    reader = loop.team.implementer
    listed = (await reader.get(f"/stories/{loop.stories['1.1']}/evidence")).json()
    assert (listed["data"], listed["meta"]["total_count"]) == ([found], 1)
    assert (await reader.get(f"/evidence/{found['id']}")).json()["data"] == found
    assert (await reader.get(f"/evidence/{uuid4()}")).status == 404
    assert await loop.status("1.1") == ("reported_done", "unverified"), "it is no confirmation"


async def test_another_tenant_sees_none_of_it(loop: Work, bob: Client) -> None:
    found = (await send(loop, "1.1", GOOD)).json()["evidence"]
    assert (await bob.get(f"/evidence/{found['id']}")).status == 404
    assert (await bob.get(f"/stories/{loop.stories['1.1']}/evidence")).status == 404
    assert (await send(loop, "1.1", GOOD, who=bob)).status == 404


async def test_the_same_file_once_more_changes_nothing(loop: Work) -> None:
    first = (await send(loop, "1.1", GOOD)).json()["evidence"]
    again = (await send(loop, "1.1", GOOD)).json()
    assert (again["already"], again["evidence"]["id"]) == (True, first["id"])
    listed = await loop.team.user.get(f"/stories/{loop.stories['1.1']}/evidence")
    assert listed.json()["meta"]["total_count"] == 1


async def test_a_statement_bare_or_in_an_envelope_is_evidence_and_its_signatures_are_not_checked(loop: Work) -> None:
    bare = json.dumps(STATEMENT).encode()
    found = (await send(loop, "1.1", bare, "application/vnd.in-toto+json")).json()["evidence"]
    assert (found["form"], found["passed"], found["signatures"]) == ("in_toto", 1, {"count": 0, "checked": False})
    envelope = {
        "payloadType": "application/vnd.in-toto+json", "payload": base64.b64encode(bare).decode(),
        "signatures": [{"keyid": "", "sig": "AAAA"}],
    }  # fmt: skip
    answer = await send(loop, "1.2", json.dumps(envelope).encode(), "application/vnd.in-toto+json")
    assert answer.json()["evidence"]["signatures"] == {"count": 1, "checked": False}


async def test_a_file_may_be_packed_by_gzip_and_its_hash_is_that_of_the_file(loop: Work) -> None:
    packed = await send(loop, "1.1", gzip.compress(GOOD), Content_Encoding="gzip")
    assert packed.json()["evidence"]["sha256"] == sha256(GOOD).hexdigest()


@pytest.mark.parametrize(
    ("body", "kind", "status", "code", "told"),
    [
        (b"<!DOCTYPE a><testsuite/>", "application/xml", 422, "evidence_unreadable", "document type"),
        (b"<testsuite>", "application/xml", 422, "evidence_unreadable", "at line 1, column 12"),
        (b"<testsuite>\xff</testsuite>", "application/xml", 400, "bad_request", "byte 11"),
        (b"{}", "application/vnd.in-toto+json", 422, "evidence_unreadable", "missing required field"),
        (b"[" * 5000, "application/vnd.in-toto+json", 422, "evidence_unreadable", "Expected object"),
        (b"{", "application/vnd.in-toto+json", 422, "evidence_unreadable", "no JSON"),
        (GOOD, "text/plain", 415, "unsupported_media_type", "application/xml"),
        (b"{}", "application/json", 422, "validation_failed", "Validation failed"),
        (b"<testsuite>" + b" " * 8_200_000, "application/xml", 413, "payload_too_large", ""),
    ],
)
async def test_what_is_no_evidence_is_refused_and_nothing_is_recorded(
    loop: Work, body: bytes, kind: str, status: int, code: str, told: str
) -> None:
    refused = await send(loop, "1.1", body, kind)
    assert (refused.status, refused.error["code"]) == (status, code), refused.body
    assert told in refused.error["message"]
    listed = await loop.team.user.get(f"/stories/{loop.stories['1.1']}/evidence")
    assert listed.json()["data"] == []


async def test_whoever_did_the_work_posts_none_and_the_attempt_is_recorded(loop: Work) -> None:
    refused = await send(loop, "1.1", GOOD, who=loop.team.implementer)
    assert (refused.status, refused.error["code"]) == (409, "self_verify_blocked")
    history = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/history")).json()["data"]
    assert "custody_violation" in {entry["action"] for entry in history}


async def test_where_evidence_is_wanted_nothing_is_verified_without_it_by_any_route(loop: Work) -> None:
    lead, user = loop.team.orchestrator, loop.team.user
    assert (await gate(loop, "evidence")).status == 200
    assert (await loop.do(lead, "1.1", "verification-runs", {"status": "pass", "commit_sha": COMMIT})).status == 201
    refused = await loop.do(lead, "1.1", "verify", VERIFY)
    assert (refused.status, refused.error["code"]) == (422, "evidence_required")
    assert "there is none" in refused.error["message"]
    await send(loop, "1.1", BAD)
    assert "says fail" in (await loop.do(lead, "1.1", "verify", VERIFY)).error["message"]
    bulk = await lead.post(
        "/stories/bulk/verify", {"stories": [{"story_id": story, **VERIFY} for story in loop.stories.values()]}
    )
    assert [each["status"] for each in bulk.json()["results"]] == ["error"] * 3
    await send(loop, "1.2", GOOD)
    whole = (await lead.post(f"/epics/{loop.epic}/verify-all", VERIFY)).json()
    assert (whole["verified_count"], whole["skipped_count"]) == (1, 2)
    more = await loop.team.user.post(f"/epics/{loop.epic}/stories", {"number": "1.9", "title": "old"})
    old = more.json()["story"]["id"]
    assert (await user.post(f"/stories/{old}/backfill", {"reason": "before"})).error["code"] == "evidence_required"
    marked = await lead.post("/stories/bulk/mark-complete", {"stories": [{"story_id": old, **VERIFY}]})
    assert marked.json()["results"][0]["status"] == "error"
    done = {"number": "9.1", "title": "S", "initial_verified_status": "pass"}
    brought = await user.post(
        f"/projects/{loop.project}/import", {"epics": [{"number": 9, "title": "E", "stories": [done]}]}
    )
    assert (brought.status, brought.error["code"]) == (422, "evidence_required"), brought.body
    await send(loop, "1.1", GOOD)
    verified = await loop.do(lead, "1.1", "verify", VERIFY)
    assert (verified.status, verified.json()["evidence"]["sha256"]) == (202, sha256(GOOD).hexdigest())


async def test_where_a_ci_is_wanted_a_keys_evidence_does_not_count(loop: Work) -> None:
    await gate(loop, "ci")
    await send(loop, "1.1", GOOD)
    refused = await loop.do(loop.team.orchestrator, "1.1", "verify", VERIFY)
    assert (refused.status, refused.error["code"]) == (422, "evidence_required")


async def test_what_is_verified_is_the_commit_that_was_tested_where_it_is_said(loop: Work) -> None:
    await gate(loop, "evidence")
    await send(loop, "1.1", GOOD)
    lead = loop.team.orchestrator
    refused = await loop.do(lead, "1.1", "verify", {**VERIFY, "commit_sha": "8" * 40})
    assert refused.error["code"] == "evidence_required"
    assert (await loop.do(lead, "1.1", "verify", {**VERIFY, "commit_sha": COMMIT})).status == 202


async def test_evidence_under_other_checks_and_of_an_earlier_round_does_not_count(loop: Work) -> None:
    lead = loop.team.orchestrator
    await gate(loop, "evidence")
    for number in ("1.1", "1.2"):
        await send(loop, number, GOOD)
    rebound = {"verification_criterion": {"type": "test", "path": "tests/a.py", "test_name": "test_b"}}
    story = loop.stories["1.1"]
    assert (await lead.patch(f"/stories/{story}/acceptance_criteria/AC-1", rebound)).status == 200
    assert "were changed" in (await loop.do(lead, "1.1", "verify", VERIFY)).error["message"]
    found = (await send(loop, "1.1", GOOD)).json()["evidence"]
    assert (found["status"], found["ac_results"]) == ("fail", {"AC-1": "missing"})
    assert (await loop.do(lead, "1.2", "reject", {"reason": "no"})).status == 200
    await loop.works(loop.team.implementer, "1.2")
    await loop.reviews(loop.team.reviewer, "1.2")
    assert (await loop.do(lead, "1.2", "verify", VERIFY)).error["code"] == "evidence_required"


async def test_fewer_tests_than_the_projects_last_passing_ones_are_flagged(loop: Work) -> None:
    two = b'<testsuite><testcase name="a"/><testcase name="b"/></testsuite>'
    assert (await send(loop, "1.1", two)).json()["evidence"]["flags"] == []
    found = (await send(loop, "1.2", GOOD)).json()["evidence"]
    assert (found["flags"], found["executed_before"]) == (["fewer_tests"], 2)


async def test_what_waits_for_evidence_is_told_so(loop: Work) -> None:
    await gate(loop, "ci")
    await send(loop, "1.1", GOOD)
    waiting = (await loop.team.user.get("/waiting")).json()["data"]
    assert {each["why"] for each in waiting} == {"evidence_missing"}
    await gate(loop, "evidence")
    waiting = (await loop.team.user.get("/waiting")).json()["data"]
    assert sorted(each["why"] for each in waiting) == ["evidence_missing", "evidence_missing", "not_verified"]


@pytest.mark.parametrize("value", [0, 1, "on", "CI", None, ["ci"]])
async def test_the_gate_is_one_of_its_four_values(loop: Work, value: Any) -> None:
    refused = await gate(loop, value)
    assert refused.status == 422
    assert "false, true, evidence, ci" in str(refused.error["details"])


async def test_it_goes_with_its_story(loop: Work) -> None:
    found = (await send(loop, "1.3", GOOD)).json()["evidence"]
    assert (await loop.team.user.delete(f"/stories/{loop.stories['1.3']}")).status == 204
    assert (await loop.team.user.get(f"/evidence/{found['id']}")).status == 404
