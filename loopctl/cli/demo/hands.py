"""One process of `loopctl demo --custody`: it has one key, and does with it what it is told, one request a line.

Its key comes on the standard input, so that it is in no list of processes; no other process has it.
"""

import signal
import sys
from typing import Any

from msgspec import Struct
from msgspec.json import decode, encode

from loopctl.client import Client, Refused, Unreachable


class Identity(Struct, frozen=True):
    server: str
    key: str


class Wish(Struct, frozen=True):
    path: str
    body: dict[str, Any]


class Done(Struct, frozen=True):
    """``code`` is empty when it was let."""

    status: int
    code: str
    body: Any


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started the process ends it
    who = decode(sys.stdin.buffer.readline(), type=Identity)
    client = Client(who.server, who.key)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(encode(_done(client, decode(line, type=Wish))) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def _done(client: Client, wish: Wish) -> Done:
    try:
        return Done(200, "", client.post(wish.path, wish.body))
    except Refused as refused:
        return Done(refused.status, refused.code, refused.body)
    except Unreachable as lost:
        return Done(0, "unreachable", {"error": {"message": str(lost)}})


if __name__ == "__main__":
    sys.exit(main())
