"""Of the two tenants of the contract's tests: articles of the knowledge wiki."""

from abc import abstractmethod
from typing import Any

from tests.api.work import Client


class Knowing:
    """Mixed into a Side."""

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    @abstractmethod
    async def make(self, kind: str) -> Any: ...

    async def make_article(self) -> str:
        """A draft."""
        body = {"title": await self.make("name"), "body": "Two layers that retry multiply.", "category": "pattern"}
        made = await self.caller("implementer").post("/articles", body)
        assert made.status == 201, made.body
        return str(made.json()["data"]["id"])

    async def make_the_article(self) -> str:
        """Always the same."""
        found = (await self.caller("user").get("/articles?tags=the-article")).json()["data"]
        if found:
            return str(found[0]["id"])
        body = {"title": "The article", "body": "It is one.", "category": "pattern", "tags": ["the-article"]}
        made = await self.caller("user").post("/articles", body)
        assert made.status == 201, made.body
        return str(made.json()["data"]["id"])

    async def make_published(self) -> str:
        return await self._moved("publish")

    async def make_archived_article(self) -> str:
        return await self._moved("archive")

    async def make_article_link(self) -> str:
        ends = {"source_article_id": await self.make_article(), "target_article_id": await self.make_article()}
        made = await self.caller("implementer").post("/article_links", {**ends, "relationship_type": "relates_to"})
        assert made.status == 201, made.body
        return str(made.json()["data"]["id"])

    async def _moved(self, name: str) -> str:
        article = await self.make_article()
        made = await self.caller("user").post(f"/articles/{article}/{name}")
        assert made.status == 200, made.body
        return article
