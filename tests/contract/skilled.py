"""Of the two tenants of the contract's tests: skills, work that one was used for, and UI test runs."""

from abc import abstractmethod
from typing import Any

from tests.api.work import Client


class Skilling:
    """Mixed into a Side."""

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    @abstractmethod
    async def make(self, kind: str) -> Any: ...

    async def _new_skill(self) -> tuple[str, str]:
        """A skill, and its first version."""
        body = {"name": await self.make("name"), "prompt_text": "Read it."}
        made = await self.caller("user").post("/skills", body)
        assert made.status == 201, made.body
        return str(made.json()["skill"]["id"]), str(made.json()["version"]["id"])

    async def make_skill(self) -> str:
        return (await self._new_skill())[0]

    async def make_skill_version(self) -> str:
        return (await self._new_skill())[1]

    async def make_applied(self) -> tuple[str, str, str]:
        """A version of a skill, a verification result, and the story that it is of."""
        _, version = await self._new_skill()
        story = str(await self.make("verified"))
        found = (await self.caller("orchestrator").get(f"/stories/{story}/verifications")).json()["data"]
        return version, str(found[0]["id"]), story

    async def make_applied_before(self) -> tuple[str, str, str]:
        """The same, with a result that is recorded."""
        version, verification, story = await self.make_applied()
        named = {"skill_version_id": version, "verification_result_id": verification, "story_id": story}
        made = await self.caller("orchestrator").post("/skill_results", named)
        assert made.status == 201, made.body
        return version, verification, story

    async def make_ui_test_run(self) -> str:
        project = await self.make("project")
        made = await self.caller("user").post(f"/projects/{project}/ui_test_runs", {})
        assert made.status == 201, made.body
        return str(made.json()["data"]["id"])

    async def make_ended_ui_test_run(self) -> str:
        run = await self.make_ui_test_run()
        made = await self.caller("user").post(f"/ui_test_runs/{run}/cancel")
        assert made.status == 200, made.body
        return run
