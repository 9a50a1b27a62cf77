"""A trivial JSON POST in three settings, each a program that prints its port: ``python -m bench.echo_app <name>``.

shell: our whole stack. bare: the same uvicorn and nothing else. litestar: the framework without a guard of any kind.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import uvicorn
import uvloop
from litestar import Litestar, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.app import create_app
from api.http.refusal import Refused
from api.http.server import Server, server_config
from api.http.shell import Shell
from api.start import listening_socket
from config.logs import configure
from config.settings import Settings
from tests.support.services import services_with

NAMES = ("shell", "bare", "litestar")


class Echo(Struct, frozen=True):
    name: str
    count: int = 0
    tags: list[str] = []


def echo_route() -> HTTPRouteHandler:
    @post("/echo", status_code=200, opt={"access": "public"}, summary="Says it back")
    async def echo(data: JSONBody[Echo]) -> Echo:
        return data

    return echo


def nobody_is_named() -> NoReturn:
    """There is no database here, and nothing that a public route could find in one."""
    raise Refused("not_found")


def shell_app(log: BinaryIO) -> Shell:
    services = services_with(log=log, reading_names=nobody_is_named, settings=Settings(signups_per_hour=0))
    return create_app(services, extra_routes=[echo_route()])


def quiet_shell_app() -> Shell:
    """For a server that calls a factory."""
    return shell_app(Path(os.devnull).open("ab"))


def litestar_app() -> Litestar:
    return Litestar([echo_route()], openapi_config=None, logging_config=None, debug=False)


async def bare_app(_: Any, receive: Any, send: Any) -> None:
    """Reads the body and says it back, as little as a server can do."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain_config(app: Any) -> uvicorn.Config:
    """uvicorn as it comes, with the same parser and loop and without its own logs."""
    return uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


async def serve(name: str, log: BinaryIO) -> None:
    with listening_socket(Settings(port=0), {}) as listener:
        print(listener.getsockname()[1], flush=True)
        if name == "shell":
            app = shell_app(log)
            await Server(server_config(app, app.limits, 5, app.refused), app.limits).serve(sockets=[listener])
        else:
            chosen: Any = bare_app if name == "bare" else litestar_app()
            await uvicorn.Server(plain_config(chosen)).serve(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print(f"one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    configure("bench", "error")  # to stderr: nobody reads stdout after the port, and a full pipe stops the server
    with Path(os.devnull).open("ab") as log:
        uvloop.run(serve(arguments[0], log))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
