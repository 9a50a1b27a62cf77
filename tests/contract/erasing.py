"""Of the two tenants of the contract's tests: entries with texts that can be erased, and others."""

from abc import abstractmethod

from tests.api.team import Team


class Erasing:
    """Mixed into a Side."""

    team: Team

    @abstractmethod
    async def make_name(self) -> str: ...

    async def make_described(self) -> str:
        """The position of an event with a text."""
        project = await self.team.user.project(await self.make_name(), description="d")
        trail = (await self.team.user.get(f"/audit?entity_id={project}")).json()["data"]
        return str(trail[-1]["position"])

    async def make_first_entry(self) -> str:
        """It tells of the tenant itself, and has no text."""
        return "0"

    async def make_forgotten(self) -> str:
        """Of an event whose text was erased."""
        position = await self.make_described()
        answer = await self.team.user.post(f"/audit/entries/{position}/erase", {"reason": "asked for"})
        assert answer.status == 200, answer.body
        return position
