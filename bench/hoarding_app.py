"""A service with something to hoard: ``python -m bench.hoarding_app <database url> <bounded | boundless>``.

Prints one line of JSON. Boundless it is the control: what one key, tenant or process may hold is not limited.
"""

import sys
from collections.abc import Sequence

import msgspec
import uvloop
from msgspec import Struct

from api.http.limits import LARGE_BODY_BYTES, Limits, Share
from api.http.server import Server, server_config
from api.start import listening_socket
from bench.breakdown_app import OnUrl
from config.logs import configure
from config.settings import Settings
from eventstore.gc_pauses import collector_settled
from tests.api.logs import service
from tests.api.work import Client, client

IMPORTS = 2
STORIES = 4500
"""In each import, with its description a little less than an import may be."""
KEYS = 4
ALL = Share(10**9, 10**9, 10**9)
HUGE = Share(10**12, 10**12, 10**12)
BOUNDLESS = Limits(
    running=ALL, running_beside_others=10**9, imports=ALL, exports=ALL, held_bodies=HUGE, held_answers=HUGE,
    pace_seconds=1000.0,
)  # fmt: skip


class Hoard(Struct, frozen=True):
    """``keys`` are the hoarder's, all of one tenant; the other tenant asks for ``asked`` with ``key``."""

    port: int
    keys: Sequence[str]
    exported: str
    imported: str
    key: str
    asked: str


async def laid_out(ann: Client, bob: Client, port: int) -> Hoard:
    """Ann's project is a large one, Bob's is not."""
    project = await ann.project()
    for number in range(1, IMPORTS + 1):
        stories = [
            {"number": f"{number}.{story}", "title": "A story", "description": "What it is about. " * 110}
            for story in range(1, STORIES + 1)
        ]
        body = {"epics": [{"number": number, "title": "An epic", "stories": stories}]}
        answer = await ann.post(f"/projects/{project}/import", body)
        assert answer.status == 201, answer.body
        assert len(msgspec.json.encode(body)) < LARGE_BODY_BYTES
    keys = []
    for number in range(KEYS):
        made = (await ann.post("/api_keys", {"name": f"key {number}", "role": "user"})).json()
        keys.append(made["api_key"]["raw_key"])
    epic = await bob.epic(theirs := await bob.project())
    for number in range(50):
        await bob.story(epic, f"1.{number + 1}", description="What it is about. " * 20)
    path = f"/api/v1/projects/{project}"
    return Hoard(
        port, keys, f"{path}/export", f"{path}/import", bob.raw, f"/api/v1/stories?project_id={theirs}&limit=20"
    )


async def serve(url: str, limits: Limits) -> None:
    async with service(OnUrl("bench", url), remember_seconds=1.0, limits=limits) as served:
        with listening_socket(Settings(port=0), {}) as listener:
            ann, bob = await client(served), await client(served)
            hoard = await laid_out(ann, bob, listener.getsockname()[1])
            collector_settled()  # as the API does
            print(msgspec.json.encode(hoard).decode(), flush=True)
            app = served.app
            await Server(server_config(app, limits, 5, app.refused), limits).serve(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    configure("bench", "error")  # to stderr: nobody reads stdout after the first line
    uvloop.run(serve(arguments[0], BOUNDLESS if arguments[1] == "boundless" else Limits()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
