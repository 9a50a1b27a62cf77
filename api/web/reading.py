"""What pages show is what the API answers: a page calls the handler of the route, with the rights of whoever looks.

So a page can show nothing that the API would not, and there is one query for both.
"""

from collections.abc import AsyncIterator
from functools import cache
from inspect import signature
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.http.asking import Asking, check_role
from api.http.refusal import Refused
from api.services import Services
from projections.queries.change_feed import log_size

MOST_PAGES = 20


@cache
def parameters_of(function: Any) -> frozenset[str]:
    """Not every handler asks who it is."""
    return frozenset(signature(function).parameters)


class Reader(Struct):
    services: Services
    asking: Asking
    seen: int | None = None
    """Entries of the tenant's log before anything of the page was read: what comes later is news to it."""

    def may(self, route: HTTPRouteHandler) -> bool:
        """What a role may not do is not shown."""
        try:
            check_role(route.opt["access"], self.asking.caller.role)
        except Refused:
            return False
        return True

    async def read(self, route: HTTPRouteHandler, **arguments: Any) -> Any:
        """The answer as its JSON says it. Raises Refused, NotFound."""
        if route.opt["access"] != "public":
            check_role(route.opt["access"], self.asking.caller.role)
        if self.seen is None and not self.asking.caller.superadmin:
            self.seen = await size_of_log(self.services, self.asking.caller.tenant_id)
        function: Any = route.fn
        if "asking" in parameters_of(function):
            arguments["asking"] = self.asking
        answer = await function(services=self.services, **arguments)
        if isinstance(answer, Response):
            answer = answer.content
        return msgspec.json.decode(answer if isinstance(answer, bytes) else msgspec.json.encode(answer))

    async def all(self, route: HTTPRouteHandler, query: Any, **arguments: Any) -> list[Any]:
        """Of a list every page, up to a bound."""
        return [each async for each in self._each(route, query, arguments)]

    async def _each(self, route: HTTPRouteHandler, query: Any, arguments: Any) -> AsyncIterator[Any]:
        for number in range(1, MOST_PAGES + 1):
            answer = await self.read(route, wanted=msgspec.structs.replace(query, page=number), **arguments)
            for each in answer["data"]:
                yield each
            if number >= answer["meta"]["total_pages"]:
                return


async def size_of_log(services: Services, tenant_id: UUID) -> int:
    async with services.reading(tenant_id) as tx:
        return await log_size(tx)
