"""A CI's token in the place of a key: a matrix of tokens and statements, each with the answer that it has to get."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from config.issuers import Issuers
from config.settings import Settings
from egress.client import Egress
from egress.destination import Rules
from tests.api.asgi import Answer, ask
from tests.api.logs import service
from tests.api.team import Work, work
from tests.api.work import Client
from tests.support.ci_issuer import COMMIT, Issuer, issuing, jwk, rsa_key, signed
from tests.support.database import TestDatabase

HERE = Rules(networks=(ip_network("127.0.0.0/8"),), http=True)
GOOD = b'<testsuite tests="1"><testcase classname="tests.a" name="test_a"/></testsuite>'
BAD = b'<testsuite tests="1"><testcase name="test_a"><failure/></testcase></testsuite>'
VERIFY = {"review_type": "team", "summary": "ok"}
XML, INTOTO = "application/xml", "application/vnd.in-toto+json"
OTHER = "8" * 40


class Ci(Struct):
    """A tenant with a project that trusts a job of each kind, and the issuer of both."""

    loop: Work
    issuer: Issuer
    audience: str = ""

    async def trusts(self, kind: str = "github", **changes: Any) -> Answer:
        kinds: dict[str, dict[str, Any]] = {
            "github": {
                "issuer": self.issuer.github, "repository_id": "74213", "owner_id": "9919", "ref": "refs/heads/main",
                "workflow": "acme/keys/.github/workflows/ci.yml@refs/heads/main",
            },
            "gitlab": {
                "issuer": self.issuer.gitlab, "repository_id": 55, "ref": "refs/heads/*",
                "workflow": "gitlab.test/acme/keys//.gitlab-ci.yml",
            },
        }  # fmt: skip
        own = kinds[kind]
        answer = await self.loop.team.user.send("PUT", f"/projects/{self.loop.project}/ci-trust", {**own, **changes})
        if answer.status == 200:
            self.audience = answer.json()["ci_trust"]["audience"]
        return answer

    def token(self, kind: str = "github", /, **changes: Any) -> str:
        return signed(self.issuer.claims(self.audience, kind, **changes))

    async def send(
        self, token: str, body: bytes = GOOD, kind: str = XML, *, number: str = "1.1", query: str = ""
    ) -> Answer:
        path = f"/api/v1/stories/{self.loop.stories[number]}/evidence{query}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        return await ask(self.loop.team.user.service.app, path, method="POST", headers=headers, body=body)


@pytest.fixture
async def ci(log_of_module: TestDatabase) -> AsyncIterator[Ci]:
    async with issuing() as issuer:
        settings = Settings(signups_per_hour=1_000_000, ci_issuers=Issuers(issuer.setting))
        async with service(log_of_module, settings=settings, egress=Egress(HERE)) as served:
            loop = await work(served, "1.1", "1.2")
            await loop.works(loop.team.implementer, "1.1")
            await loop.reviews(loop.team.reviewer, "1.1")
            made = Ci(loop, issuer)
            assert (await made.trusts()).status == 200
            yield made


def statement(commit: str = COMMIT, result: str = "PASSED", **changes: Any) -> bytes:
    said = {
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"gitCommit": commit}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"result": result, "passedTests": ["a"]}, **changes,
    }  # fmt: skip
    return json.dumps(said).encode()


def envelope(inside: bytes, **changes: Any) -> bytes:
    said = {"payloadType": INTOTO, "payload": base64.b64encode(inside).decode(), "signatures": [{"sig": "AA=="}]}
    return json.dumps({**said, **changes}).encode()


def forged(ci: Ci) -> Mapping[str, str]:
    """Tokens that their issuer has not signed as it signs, by what is wrong."""
    claims = ci.issuer.claims(ci.audience)
    good = signed(claims)
    head, body, signature = good.split(".")
    pem = rsa_key(1).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "k1"}).encode()).rstrip(b"=").decode()
    mac = base64.urlsafe_b64encode(hmac.digest(pem, f"{secret}.{body}".encode(), "sha256")).rstrip(b"=").decode()
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "k1"}).encode()).rstrip(b"=").decode()
    other = base64.urlsafe_b64encode(json.dumps({**claims, "ref": "refs/heads/x"}).encode()).rstrip(b"=").decode()
    return {
        "alg none": f"{unsigned}.{body}.",
        "alg none, with a signature": f"{unsigned}.{body}.{signature}",
        "HS256 with the public key": f"{secret}.{body}.{mac}",
        "another key": signed(claims, number=2),
        "a key that there is not": signed(claims, kid="k9"),
        "no kid": signed(claims, kid=None),
        "a kid that is a path": signed(claims, number=2, kid="../../k1"),
        "a key along with it": signed(claims, number=2, jwk=jwk(2, "k2"), kid="k2"),
        "an address of keys along with it": signed(claims, number=2, jku="http://127.0.0.1:1/jwks", kid="k2"),
        "RS512": signed(claims, algorithm="RS512"),
        "PS256": signed(claims, algorithm="PS256"),
        "other claims": f"{head}.{other}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:100]}",
        "no base64": f"{head}.!!.{signature}",
        "nothing": "..",
        "no JSON": f"{base64.urlsafe_b64encode(b'x').decode()}.{body}.{signature}",
    }


OF_CLAIMS: Mapping[str, tuple[Any, int, str]] = {
    "another audience": ({"aud": f"urn:loopctl:{uuid4()}:{uuid4()}"}, 403, "ci_not_trusted"),
    "the audience of others": ({"aud": "https://github.com/acme"}, 401, "ci_token_refused"),
    "no audience": ({"aud": None}, 401, "ci_token_refused"),
    "a list of audiences": ({"aud": ["$audience"]}, 401, "ci_token_refused"),
    "a list with more audiences": ({"aud": ["$audience", "sts.amazonaws.com"]}, 401, "ci_token_refused"),
    "an unknown issuer": ({"iss": "https://token.actions.example.com"}, 401, "ci_token_refused"),
    "an issuer with a slash": ({"iss": "$issuer/"}, 401, "ci_token_refused"),
    "no issuer": ({"iss": None}, 401, "ci_token_refused"),
    "the other issuer": ({"iss": "$other"}, 401, "ci_token_refused"),
    "expired": ({"exp": 1_700_000_000, "iat": 1_699_999_000, "nbf": 1_699_999_000}, 401, "ci_token_refused"),
    "no expiry": ({"exp": None}, 401, "ci_token_refused"),
    "an expiry that is no number": ({"exp": "tomorrow"}, 401, "ci_token_refused"),
    "good from tomorrow": ({"nbf": 9_999_999_999, "exp": 9_999_999_999}, 401, "ci_token_refused"),
    "made tomorrow": ({"iat": 9_999_990_000, "exp": 9_999_999_999}, 401, "ci_token_refused"),
    "no nbf": ({"nbf": None}, 401, "ci_token_refused"),
    "no iat": ({"iat": None}, 401, "ci_token_refused"),
    "good for years": ({"exp": 4_000_000_000}, 401, "ci_token_refused"),
    "no jti": ({"jti": None}, 401, "ci_token_refused"),
    "no subject": ({"sub": None}, 401, "ci_token_refused"),
    "no repository": ({"repository_id": None}, 401, "ci_token_refused"),
    "a repository that is a list": ({"repository_id": ["74213"]}, 401, "ci_token_refused"),
    "no workflow": ({"job_workflow_ref": None}, 401, "ci_token_refused"),
    "no event": ({"event_name": None}, 401, "ci_token_refused"),
    "a very long ref": ({"ref": "refs/heads/" + "a" * 900}, 401, "ci_token_refused"),
    "another repository of the same name": ({"repository_id": "74214"}, 403, "ci_not_trusted"),
    "another owner": ({"repository_owner_id": "1"}, 403, "ci_not_trusted"),
    "another ref": ({"ref": "refs/heads/agent-1"}, 403, "ci_not_trusted"),
    "a ref that begins alike": ({"ref": "refs/heads/main2"}, 403, "ci_not_trusted"),
    "a tag of that name": ({"ref": "refs/tags/main"}, 403, "ci_not_trusted"),
    "a pull request": ({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, 403, "ci_not_trusted"),
    "a pull request that says main": ({"event_name": "pull_request"}, 403, "ci_not_trusted"),
    "a pull request of a fork": ({"event_name": "pull_request_target"}, 403, "ci_not_trusted"),
    "a comment": ({"event_name": "issue_comment"}, 403, "ci_not_trusted"),
    "another run's end": ({"event_name": "workflow_run"}, 403, "ci_not_trusted"),
    "another workflow": (
        {"job_workflow_ref": "acme/keys/.github/workflows/x.yml@refs/heads/main"}, 403, "ci_not_trusted"
    ),
    "the workflow of another ref": (
        {"job_workflow_ref": "acme/keys/.github/workflows/ci.yml@refs/heads/x"}, 403, "ci_not_trusted"
    ),
    "the workflow of another repository": (
        {"job_workflow_ref": "evil/keys/.github/workflows/ci.yml@refs/heads/main"}, 403, "ci_not_trusted"
    ),
    "an ordinary push": ({}, 201, ""),
    "started by hand": ({"event_name": "workflow_dispatch"}, 201, ""),
    "by the clock": ({"event_name": "schedule"}, 201, ""),
    "of the merge queue": ({"event_name": "merge_group"}, 201, ""),
    "numbers as numbers": ({"repository_id": 74213, "repository_owner_id": 9919}, 201, ""),
}  # fmt: skip
OF_BODIES: Mapping[str, tuple[bytes, str, str, int, str]] = {
    "a file": (GOOD, XML, "", 201, ""),
    "a file of the job's commit": (GOOD, XML, f"?commit={COMMIT}", 201, ""),
    "a file of another commit": (GOOD, XML, f"?commit={OTHER}", 422, "evidence_of_other_commit"),
    "a file that failed": (BAD, XML, "", 201, ""),
    "no file": (b"", XML, "", 422, "validation_failed"),
    "a bomb": (b"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite/>", XML, "", 422, "evidence_unreadable"),
    "a statement": (statement(), INTOTO, "", 201, ""),
    "a statement that failed": (statement(result="FAILED"), INTOTO, "", 201, ""),
    "a statement of another commit": (statement(OTHER), INTOTO, "", 422, "evidence_of_other_commit"),
    "a statement of something else": (
        statement(predicateType="https://slsa.dev/provenance/v1"), INTOTO, "", 422, "evidence_unreadable"
    ),
    "a statement about nothing": (statement(subject=[]), INTOTO, "", 422, "evidence_unreadable"),
    "a statement about a file": (
        statement(subject=[{"name": "a", "digest": {"sha512": "a"}}]), INTOTO, "", 422, "evidence_unreadable"
    ),
    "an envelope": (envelope(statement()), INTOTO, "", 201, ""),
    "an envelope of another commit": (envelope(statement(OTHER)), INTOTO, "", 422, "evidence_of_other_commit"),
    "an envelope of something else": (
        envelope(statement(), payloadType="text/plain"), INTOTO, "", 422, "evidence_unreadable"
    ),
    "an envelope without a signature": (envelope(statement(), signatures=[]), INTOTO, "", 422, "evidence_unreadable"),
    "an envelope that is no base64": (envelope(statement(), payload="%"), INTOTO, "", 422, "evidence_unreadable"),
}  # fmt: skip


async def test_every_token_and_every_statement_gets_the_answer_that_it_has_to(ci: Ci) -> None:
    """Went red without the look at a token's issuer, life, claims, times and signature, and at the job's event, ref,
    workflow, owner, repository and commit. Algorithm and audience are looked at twice: one of both may go."""
    wrong: list[str] = []

    async def expect(name: str, answer: Answer, status: int, code: str) -> None:
        found = (answer.status, answer.error["code"] if answer.status >= 400 else "")
        if found != (status, code):
            wrong.append(f"{name}: {found}, not {(status, code)}: {answer.body[:200]!r}")

    for name, token in forged(ci).items():
        await expect(name, await ci.send(token), 401, "ci_token_refused")
    places = {"$audience": ci.audience, "$issuer/": ci.issuer.github + "/", "$other": ci.issuer.gitlab}
    for name, (changes, status, code) in OF_CLAIMS.items():
        said = {
            each: [places.get(one, one) for one in value] if isinstance(value, list)
            else places.get(value, value) if isinstance(value, str) else value
            for each, value in changes.items()
        }  # fmt: skip
        await expect(name, await ci.send(ci.token(**said)), status, code)
    for name, (body, kind, query, status, code) in OF_BODIES.items():
        await expect(name, await ci.send(ci.token(), body, kind, query=query), status, code)
    assert len(forged(ci)) + len(OF_CLAIMS) + len(OF_BODIES) >= 60
    assert wrong == []


async def test_what_a_ci_has_posted_names_its_job_and_opens_the_gate(ci: Ci) -> None:
    user, lead = ci.loop.team.user, ci.loop.team.orchestrator
    await user.patch("/tenants/me", {"settings": {"verification_gate": "ci"}})
    assert (await ci.loop.do(lead, "1.1", "verify", VERIFY)).error["code"] == "evidence_required"
    found = (await ci.send(ci.token())).json()["evidence"]
    assert (found["source"], found["commit_sha"]) == ("ci", COMMIT)
    assert (found["ci"]["repository"], found["ci"]["ref"]) == ("acme/keys", "refs/heads/main")
    history = (await user.get(f"/stories/{ci.loop.stories['1.1']}/history")).json()["data"]
    (entry,) = [each for each in history if each["action"] == "evidence_reported"]
    assert entry["actor_label"] == "ci:acme/keys@refs/heads/main"
    assert (await ci.loop.do(lead, "1.1", "verify", VERIFY)).status == 202


async def test_gitlab_is_trusted_by_its_own_words(ci: Ci) -> None:
    assert (await ci.trusts("gitlab")).status == 200
    assert (await ci.send(ci.token("gitlab", ref_path="refs/heads/agent-1"))).status == 201
    for changes in ({"pipeline_source": "merge_request_event"}, {"project_id": "56"}, {"ref_path": "refs/tags/v1"}):
        assert (await ci.send(ci.token("gitlab", **changes))).error["code"] == "ci_not_trusted"
    assert (await ci.send(ci.token("github"))).error["code"] == "ci_not_trusted"


async def test_a_token_says_one_thing_of_each_story(ci: Ci) -> None:
    token = ci.token()
    first = await ci.send(token, BAD)
    again = await ci.send(token, BAD)
    assert (again.status, again.json()["already"]) == (201, True)
    assert again.json()["evidence"]["id"] == first.json()["evidence"]["id"]
    other = await ci.send(token, GOOD)
    assert (other.status, other.error["code"]) == (409, "ci_token_used")


async def test_a_token_opens_nothing_else(ci: Ci) -> None:
    holder = Client(ci.loop.team.user.service, ci.loop.team.user.tenant, ci.token())
    for path in ("/projects", "/stories", f"/stories/{ci.loop.stories['1.1']}", "/tenants/me", "/audit"):
        answer = await holder.get(path)
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert (await holder.post(f"/stories/{ci.loop.stories['1.1']}/verify", VERIFY)).status == 401


async def test_a_story_of_another_project_and_one_that_nobody_works_on_are_told_apart(ci: Ci) -> None:
    user = ci.loop.team.user
    elsewhere = await user.story(await user.epic(await user.project("elsewhere")))
    ci.loop.stories["elsewhere"] = elsewhere
    assert (await ci.send(ci.token(), number="elsewhere")).status == 404
    assert (await ci.send(ci.token(), number="1.2")).error["code"] == "story_not_worked_on"


async def test_a_job_of_the_repository_reads_where_its_stories_stand_on_whatever_ref(ci: Ci) -> None:
    path = f"/projects/{ci.loop.project}/ci-stories?numbers=1.1,US-1.2,9.9"
    pull_request = ci.token(event_name="pull_request", ref="refs/pull/7/merge")
    here = Client(ci.loop.team.user.service, ci.loop.team.user.tenant, pull_request)
    found = (await here.get(path)).json()
    assert [(each["number"], each["agent_status"]) for each in found["data"]] == [
        ("1.1", "reported_done"),
        ("1.2", "pending"),
    ]
    assert found["missing"] == ["9.9"]
    assert (await ci.loop.team.implementer.get(path)).json() == found
    stranger = Client(here.service, here.tenant, ci.token(repository_id="1"))
    assert (await stranger.get(path)).error["code"] == "ci_not_trusted"
    elsewhere = await ci.loop.team.user.project("elsewhere")
    assert (await here.get(f"/projects/{elsewhere}/ci-stories?numbers=1.1")).status == 404
    assert (await ci.loop.team.user.get(f"/projects/{elsewhere}/ci-stories?numbers=x")).status == 422


async def test_what_is_trusted_no_longer_is_refused_from_then_on(ci: Ci) -> None:
    user = ci.loop.team.user
    assert (await ci.send(ci.token())).status == 201
    assert (await user.delete(f"/projects/{ci.loop.project}/ci-trust")).status == 204
    assert (await ci.send(ci.token())).error["code"] == "ci_not_trusted"
    assert (await user.get(f"/projects/{ci.loop.project}/ci-trust")).status == 404
    assert (await user.delete(f"/projects/{ci.loop.project}/ci-trust")).status == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": "https://ci.example.com"}, "issuer"), ({"issuer": None}, "issuer"),
        ({"repository_id": "acme/keys"}, "repository_id"), ({"owner_id": "acme"}, "owner_id"),
        ({"ref": "main"}, "ref"), ({"ref": "refs/heads/"}, "ref"), ({"ref": "refs/heads/ma*"}, "ref"),
        ({"ref": "*"}, "ref"), ({"ref": "refs/pull/*"}, "ref"), ({"ref": "refs/*/main"}, "ref"),
        ({"workflow": "acme/*"}, "workflow"), ({"workflow": " "}, "workflow"),
    ],
)  # fmt: skip
async def test_what_cannot_be_trusted_is_refused_with_its_place(ci: Ci, changes: Any, field: str) -> None:
    refused = await ci.trusts(**changes)
    assert (refused.status, list(refused.error["details"])) == (422, [field])


async def test_only_a_user_says_what_is_trusted(ci: Ci) -> None:
    for who in (ci.loop.team.orchestrator, ci.loop.team.implementer):
        refused = await who.send("PUT", f"/projects/{ci.loop.project}/ci-trust", {})
        assert (refused.status, refused.error["code"]) == (403, "insufficient_role")


async def test_an_issuer_that_does_not_answer_is_said_and_nothing_is_recorded(ci: Ci) -> None:
    ci.issuer.documents.clear()
    refused = await ci.send(ci.token())
    assert (refused.status, refused.error["code"]) == (503, "ci_issuer_unavailable")
    listed = await ci.loop.team.user.get(f"/stories/{ci.loop.stories['1.1']}/evidence")
    assert listed.json()["data"] == []


async def test_of_many_that_speak_with_one_token_at_the_same_time_one_is_heard(ci: Ci) -> None:
    token = ci.token()
    files = [b'<testsuite><testcase name="%d"/></testsuite>' % number for number in range(12)]
    answers = await asyncio.gather(*(ci.send(token, file) for file in files))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 11
    listed = (await ci.loop.team.user.get(f"/stories/{ci.loop.stories['1.1']}/evidence")).json()["data"]
    assert len(listed) == 1


async def test_whoever_verifies_while_evidence_changes_has_evidence_that_passed_before(ci: Ci) -> None:
    user, lead = ci.loop.team.user, ci.loop.team.orchestrator
    await user.patch("/tenants/me", {"settings": {"verification_gate": "ci"}})
    sent = [ci.send(ci.token(), BAD if number % 2 else GOOD + b" " * number) for number in range(8)]
    tried = [ci.loop.do(lead, "1.1", "verify", VERIFY) for _ in range(8)]
    await asyncio.gather(*(each for pair in zip(sent, tried, strict=True) for each in pair))
    await ci.send(ci.token(), GOOD + b" " * 9)
    await ci.loop.do(lead, "1.1", "verify", VERIFY)  # if all of them came before what passes
    told = ("story.evidence_reported", "story.verified")
    events = [(tag, event) for tag, event in await user.recorded() if tag in told]
    verified = [tag for tag, _ in events].index("story.verified")
    assert events[verified - 1][1].status == "pass"
