"""One process of the demo. Its duty comes on the standard input, so that no key is in a list of processes."""

import os
import sys
import time

from msgspec.json import decode, encode

from loopctl.cli.demo.duty import Duty, Told
from loopctl.client import Client


class Worker:
    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self.client = Client(duty.server, duty.key, notice=self._waits)
        self._parent = os.getppid()

    def tell(self, what: str, story: dict[str, str] | None = None, text: str = "") -> None:
        number, id_ = (story["number"], story["id"]) if story else ("", "")
        told = Told(
            name=self.duty.name, what=what, requests=self.client.requests, number=number, story_id=id_, text=text,  # type: ignore[arg-type]  # literals at every call
        )  # fmt: skip
        sys.stdout.write(encode(told).decode() + "\n")
        sys.stdout.flush()

    def pause(self, seconds: float) -> None:
        """Ends the process when nobody waits for it any more."""
        if os.getppid() != self._parent:
            sys.exit(0)
        time.sleep(seconds)

    def _waits(self, text: str) -> None:
        self.tell("waits", text=text)


def main() -> None:
    duty = decode(sys.stdin.buffer.readline(), type=Duty)
    worker = Worker(duty)
    # One of them is needed in each process.
    match duty.part:
        case "implementer":
            from loopctl.cli.demo.implementing import implement  # noqa: PLC0415  # as said

            implement(worker)
        case "reviewer":
            from loopctl.cli.demo.confirming import review  # noqa: PLC0415  # as said

            review(worker)
        case "orchestrator":
            from loopctl.cli.demo.confirming import judge  # noqa: PLC0415  # as said

            judge(worker)


if __name__ == "__main__":
    main()
