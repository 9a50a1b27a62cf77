"""Of the two tenants of the contract's tests: reports of usage and what is made of them."""

from abc import abstractmethod
from typing import Any

from tests.api.work import Client

SPENT = {"model_name": "m", "input_tokens": 10, "output_tokens": 10, "cost_millicents": 10}


class Costing:
    """Mixed into a Side."""

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    @abstractmethod
    async def make(self, kind: str) -> Any: ...

    async def make_usage(self) -> str:
        story = await self.make("story")
        made = await self.caller("other").post("/token-usage", {**SPENT, "story_id": story})
        assert made.status == 201, made.body
        return str(made.json()["token_usage_report"]["id"])

    async def make_corrected_usage(self) -> str:
        """One that its corrections depend on."""
        usage = await self.make_usage()
        difference = {"input_tokens": -9, "output_tokens": -9, "cost_millicents": -9}
        made = await self.caller("user").post(f"/token-usage/{usage}/correction", difference)
        assert made.status == 201, made.body
        return usage

    async def make_budget(self) -> str:
        """Of a story."""
        return await self._budget("story", await self.make("story"), budget_tokens=10)

    async def make_blocking_budget(self) -> str:
        return await self._budget("story", await self.make("story"), budget_tokens=10, enforcement="block")

    async def make_budgeted(self) -> str:
        """A story that has one."""
        story = str(await self.make("story"))
        await self._budget("story", story, budget_tokens=10)
        return story

    async def make_budgeted_project(self) -> str:
        project = str(await self.make("new_project"))
        await self._budget("project", project, budget_tokens=10)
        return project

    async def make_walled(self) -> str:
        """A story of a project whose stories may each use little."""
        story = str(await self.make("elsewhere_story"))
        shown = (await self.caller("user").get(f"/stories/{story}")).json()["story"]
        await self._budget("project", shown["project_id"], per="story", budget_tokens=10, enforcement="block")
        return story

    async def make_overspent(self) -> str:
        """A story that is being worked on and has used more than it may."""
        story = str(await self.make("implementing"))
        await self._budget("story", story, budget_tokens=10, enforcement="block")
        made = await self.caller("other").post("/token-usage", {**SPENT, "story_id": story})
        assert made.status == 201, made.body
        return story

    async def _budget(self, kind: str, id_: str, **terms: Any) -> str:
        made = await self.caller("user").post("/token-budgets", {"scope_type": kind, "scope_id": id_, **terms})
        assert made.status == 201, made.body
        return str(made.json()["token_budget"]["id"])
