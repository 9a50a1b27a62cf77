"""Of the two tenants of the contract's tests: evidence of tests, and tenants that want some."""

from abc import abstractmethod
from typing import Any

from tests.api.team import Team, work
from tests.api.work import Client

EVIDENCE = {
    "junit": '<testsuite><testcase classname="tests.a" name="test_a"/></testsuite>', "commit": "9" * 40,
    "run_url": "https://ci.example.com/17",
}  # fmt: skip
CI_TRUST = {
    "issuer": "https://gitlab.com", "repository_id": "7", "owner_id": "8",
    "workflow": "gitlab.com/acme/keys//.gitlab-ci.yml", "ref": "refs/heads/main",
}  # fmt: skip
STATEMENT = (
    '{"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"gitCommit": "' + "8" * 40 + '"}}], '
    '"predicateType": "https://in-toto.io/attestation/test-result/v0.1", "predicate": {"result": "PASSED"}}'
)


class Evidencing:
    """Mixed into a Side."""

    team: Team
    others: dict[str, Client]

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    @abstractmethod
    async def make(self, kind: str) -> Any: ...

    async def make_evidence(self) -> str:
        story = await self.make("reported")
        answer = await self.caller("reviewer").post(f"/stories/{story}/evidence", EVIDENCE)
        assert answer.status == 201, answer.body
        return str(answer.json()["evidence"]["id"])

    async def make_trusting_project(self) -> str:
        project = str(await self.make("new_project"))
        answer = await self.team.user.send("PUT", f"/projects/{project}/ci-trust", CI_TRUST)
        assert answer.status == 200, answer.body
        return project

    async def make_wanting_reviewed(self) -> str:
        """Of a tenant that wants evidence, whose orchestrator is ``wanting``; there is none."""
        story, _ = await self._wanting("reviewed")
        return story

    async def make_wanting_story(self) -> str:
        """One that nobody has touched, of such a tenant."""
        story, _ = await self._wanting("untouched")
        return story

    async def make_wanting_project(self) -> str:
        _, project = await self._wanting("untouched")
        return project

    async def _wanting(self, state: str) -> tuple[str, str]:
        laid_out = await work(self.team.user.service)
        self.others["wanting"] = laid_out.team.orchestrator
        answer = await laid_out.team.user.patch("/tenants/me", {"settings": {"verification_gate": "evidence"}})
        assert answer.status == 200, answer.body
        if state == "reviewed":
            await laid_out.works(laid_out.team.implementer, "1.1")
            await laid_out.reviews(laid_out.team.other, "1.1")
        return laid_out.stories["1.1"], laid_out.project
