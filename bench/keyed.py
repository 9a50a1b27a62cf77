"""A service with real keys for bench/malformed.py: ``python -m bench.keyed <administrator's url> <application's url>``.

Prints one line of JSON: the port, and requests that succeed, with the keys that they succeed with. The mutations of
bench/mutations.py are made from them.
"""

import sys
from collections.abc import Sequence

import msgspec
import uvloop
from msgspec import Struct

from api.http.server import Server, server_config
from api.start import listening_socket
from config.logs import configure
from config.settings import Settings
from tests.api.logs import service
from tests.contract.routes import ROUTES, STREAM
from tests.contract.world import Side, fill, world
from tests.support.database import TestDatabase

ONE_WAY = ("audit/export", "suspend", "DELETE /api/v1/api_keys", "PATCH /api/v1/admin")
"""What would end the campaign's own keys or its limits, and what comes in chunks, which the judge does not read."""


class Good(Struct, frozen=True):
    """A request that succeeds, at least the first time."""

    method: str
    path: str
    raw_key: str
    body: str


class Serving(Struct, frozen=True):
    port: int
    requests: list[Good]


async def good_requests(side: Side) -> list[Good]:
    found = []
    for route in ROUTES:
        if route.name == STREAM or any(part in route.name for part in ONE_WAY):
            continue
        wanted = await fill(side, route)
        who = "implementer" if route.who == "fresh_agent" else route.who
        raw = side.caller(who).raw if who else ""
        body = "" if wanted.body is None else msgspec.json.encode(wanted.body).decode()
        found.append(Good(route.method, wanted.path, raw, body))
    return found


async def serve(database: TestDatabase) -> None:
    async with service(database) as served:
        home = (await world(served, database)).home
        requests = [good for _ in range(3) for good in await good_requests(home)]
        with listening_socket(Settings(port=0), {}) as listener:
            port = listener.getsockname()[1]
            print(msgspec.json.encode(Serving(port, requests)).decode(), flush=True)
            app = served.app
            await Server(server_config(app, app.limits, 5, app.refused), app.limits).serve(sockets=[listener])


class OnUrls(TestDatabase, frozen=True):
    """The passwords of the roles are the parent's, which are made for each run."""

    application: str

    @property
    def app_url(self) -> str:
        return self.application


def main(arguments: Sequence[str]) -> int:
    configure("bench", "error")  # to stderr: nobody reads stdout after the first line
    admin, application = arguments
    uvloop.run(serve(OnUrls("bench", admin, application)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
