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
