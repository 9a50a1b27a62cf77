"""A service with a long log to follow: ``python -m bench.changes_app <database url>``. Prints one line of JSON.

Callers are remembered as in production; half of the entries are of one project.
"""

import sys
from collections.abc import Sequence

import msgspec
import uvloop
from msgspec import Struct

from api.http.server import Server, server_config
from api.start import listening_socket
from bench.breakdown_app import OnUrl
from config.logs import configure
from config.settings import Settings
from eventstore.callers.caller_cache import LONGEST_SECONDS
from tests.api.logs import NOON, service, tenant_with_key
from tests.support.events import new_project, new_story, put

ENTRIES = 20_000
AT_ONCE = 1000


class Following(Struct, frozen=True):
    """The page is in the middle of the log; ``filtered`` is by project and action."""

    port: int
    raw_key: str
    page: str
    filtered: str


async def serve(url: str) -> None:
    async with service(OnUrl("bench", url), remember_seconds=LONGEST_SECONDS) as served:
        tenant, raw = await tenant_with_key(served.store)
        one, other = new_project(), new_project()
        await put(served.store, tenant, one, other, at=NOON)
        for start in range(0, ENTRIES, AT_ONCE):
            numbers = (
                (number % 2, f"{number // AT_ONCE}.{number % AT_ONCE}") for number in range(start, start + AT_ONCE)
            )
            stories = (new_story((one, other)[half][0], text) for half, text in numbers)
            await put(served.store, tenant, *((stream, event) for stream, event in stories), at=NOON)
        page = f"/api/v1/changes?after={ENTRIES // 2}&limit=100"
        with listening_socket(Settings(port=0), {}) as listener:
            port = listener.getsockname()[1]
            following = Following(port, raw, page, f"{page}&project_id={one[0].id}&action=created")
            print(msgspec.json.encode(following).decode(), flush=True)
            app = served.app
            await Server(server_config(app, app.limits, 5, app.refused), app.limits).serve(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    configure("bench", "error")  # to stderr: nobody reads stdout after the first line
    uvloop.run(serve(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
