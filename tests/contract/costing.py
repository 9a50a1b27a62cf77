"""Of the two tenants of the contract's tests: reports of usage and what is made of them."""

from abc import abstractmethod
from typing import Any
from uuid import UUID, uuid4

import msgspec

from api.costs.found import anomaly_found
from eventstore.log.lane import Writer
from projections.rows.job_findings import Finding
from tests.api.logs import NOON
from tests.api.work import Client

SPENT = {"model_name": "m", "input_tokens": 10, "output_tokens": 10, "cost_millicents": 10}
# So much that the documents' example of a correction leaves something.
MUCH = {"model_name": "m", "input_tokens": 10_000, "output_tokens": 10_000, "cost_millicents": 10_000}

UNUSUAL = {
    "anomaly_type": "high_cost", "story_cost_millicents": 100_000, "reference_avg_millicents": 32_500,
    "deviation_factor": "3.08", "baseline": "epic_day_mean", "period": "2026-03-26",
}  # fmt: skip


class Costing:
    """Mixed into a Side."""

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    @abstractmethod
    async def make(self, kind: str) -> Any: ...

    async def make_usage(self) -> str:
        story = await self.make("story")
        made = await self.caller("other").post("/token-usage", {**MUCH, "story_id": story})
        assert made.status == 201, made.body
        return str(made.json()["token_usage_report"]["id"])

    async def make_corrected_usage(self) -> str:
        """One that its corrections depend on."""
        usage = await self.make_usage()
        difference = {"input_tokens": -9_999, "output_tokens": -9_999, "cost_millicents": -9_999}
        made = await self.caller("user").post(f"/token-usage/{usage}/correction", difference)
        assert made.status == 201, made.body
        return usage

    async def make_anomaly(self) -> str:
        """As a job of the worker finds one."""
        return await self._anomaly(await self.make("story"))

    async def make_anomaly_again(self) -> str:
        """A resolved one of a story that has another by now."""
        story = await self.make("story")
        anomaly = await self._anomaly(story)
        assert (await self.caller("user").patch(f"/cost-anomalies/{anomaly}", {})).status == 200
        await self._anomaly(story)
        return anomaly

    async def _anomaly(self, story: str) -> str:
        user, id_ = self.caller("user"), uuid4()
        finding = Finding(
            finding_id=id_, kind="cost_anomaly", subject_id=UUID(story), found_at=NOON,
            details=msgspec.json.encode({**UNUSUAL, "story_id": story}).decode(),
        )  # fmt: skip
        await Writer(user.service.store).submit(user.tenant, anomaly_found(finding, NOON))
        return str(id_)

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
