"""A service with stories to read, or a trivial GET: ``python -m bench.breakdown_app <database url | trivial>``.

Prints one line of JSON: port, key and paths. The trivial one is Litestar on the same uvicorn without anything of ours.
"""

import sys
from collections.abc import Sequence

import msgspec
import uvicorn
import uvloop
from litestar import Litestar, get
from msgspec import Struct

from api.http.server import Server, server_config
from api.start import listening_socket
from bench.echo_app import plain_config
from config.logs import configure
from config.settings import Settings
from tests.api.logs import service
from tests.api.work import client
from tests.support.database import TestDatabase

STORIES = 200


class Serving(Struct, frozen=True):
    port: int
    raw_key: str = ""
    story: str = "/trivial"
    stories: str = "/trivial"


class OnUrl(TestDatabase, frozen=True):
    """A database that is known by the application's address only."""

    @property
    def app_url(self) -> str:
        return self.admin_url


@get("/trivial")
async def trivial() -> dict[str, str]:
    return {"name": "ann"}


async def serve_trivial() -> None:
    with listening_socket(Settings(port=0), {}) as listener:
        _say(Serving(listener.getsockname()[1]))
        app = Litestar([trivial], openapi_config=None, logging_config=None, debug=False)
        await uvicorn.Server(plain_config(app)).serve(sockets=[listener])


async def serve_stories(url: str) -> None:
    async with service(OnUrl("bench", url), remember_seconds=1.0) as served:  # as the API does
        ann = await client(served)
        project = await ann.project()
        epic = await ann.epic(project)
        criteria = [{"id": f"AC-{number}", "description": "The old key works for an hour"} for number in range(5)]
        ids = [
            await ann.story(epic, f"1.{number}", description="What it is about. " * 20, acceptance_criteria=criteria)
            for number in range(STORIES)
        ]
        with listening_socket(Settings(port=0), {}) as listener:
            story, stories = f"/api/v1/stories/{ids[0]}", f"/api/v1/stories?project_id={project}&limit=50"
            _say(Serving(listener.getsockname()[1], ann.raw, story, stories))
            app = served.app
            await Server(server_config(app, app.limits, 5, app.refused), app.limits).serve(sockets=[listener])


def _say(serving: Serving) -> None:
    print(msgspec.json.encode(serving).decode(), flush=True)


def main(arguments: Sequence[str]) -> int:
    configure("bench", "error")  # to stderr: nobody reads stdout after the first line
    uvloop.run(serve_trivial() if arguments[0] == "trivial" else serve_stories(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
