"""Of the two tenants of the contract's tests: webhooks and their deliveries. Nobody sends anything there."""

from abc import abstractmethod

from tests.api.logs import Service
from tests.api.work import Client, client
from tests.support.database import TestDatabase, session

SUBSCRIPTION = {"url": "https://hooks.example.com/loopctl", "events": ["story.verified", "agent.registered"]}
END = "UPDATE app.webhook_delivery SET state = 'exhausted', lease_token = NULL WHERE webhook_id = $1"


class Hooking:
    """Mixed into a Side."""

    database: TestDatabase
    others: dict[str, Client]

    @abstractmethod
    def caller(self, name: str) -> Client: ...

    async def make_webhook(self) -> str:
        made = await self.caller("user").post("/webhooks", SUBSCRIPTION)
        assert made.status == 201, made.body
        return str(made.json()["webhook"]["id"])

    async def make_queued(self) -> tuple[str, str]:
        """A webhook with a delivery that is on its way."""
        webhook = await self.make_webhook()
        made = await self.caller("user").post(f"/webhooks/{webhook}/test", {})
        assert made.status == 200, made.body
        return webhook, str(made.json()["webhook_event_id"])

    async def make_exhausted(self) -> tuple[str, str]:
        """A webhook with a delivery that was given up."""
        webhook, delivery = await self.make_queued()
        async with session(self.database.admin_url) as connection:
            await connection.execute(END, webhook)
        return webhook, delivery


async def limited(service: Service, root: Client) -> Client:
    """A user whose tenant has as many keys, projects and webhooks as it may have."""
    user = await client(service)
    await user.project()
    made = await user.post("/webhooks", SUBSCRIPTION)
    assert made.status == 201, made.body
    settings = {"max_api_keys": 1, "max_projects": 1, "max_webhooks": 1}
    answer = await root.patch(f"/admin/tenants/{user.tenant}", {"settings": settings})
    assert answer.status == 200, answer.body
    return user
