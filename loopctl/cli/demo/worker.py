"""One process of the demo. Its duty comes on the standard input, so that no key is in a list of processes."""

import os
import signal
import sys
import time

from msgspec.json import decode, encode

from loopctl.cli.demo.crew import ENDING
from loopctl.cli.demo.duty import Duty, Told
from loopctl.client import Client, Refused, Unreachable


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


def main() -> int:
    """Whoever started the process ends it; before that, in one line why it cannot go on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for that one
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    duty = decode(sys.stdin.buffer.readline(), type=Duty)
    try:
        _do(Worker(duty))
    except BrokenPipeError:
        sys.stdout = None  # nobody listens any more, and nothing is left to be said
    except Refused as refused:
        sys.stderr.write(f"{duty.name}: {refused.error.get('message')} ({refused.status} {refused.code})\n")
    except Exception as error:  # noqa: BLE001  # said in the one line
        sys.stderr.write(f"{duty.name}: {error if isinstance(error, Unreachable) else repr(error)}\n")
    return 1


def _do(worker: Worker) -> None:
    # One of them is needed in each process.
    match worker.duty.part:
        case "implementer":
            from loopctl.cli.demo.implementing import implement  # noqa: PLC0415  # as said

            implement(worker)
        case "reviewer":
            from loopctl.cli.demo.confirming import review  # noqa: PLC0415  # as said

            review(worker)
        case "orchestrator":
            from loopctl.cli.demo.confirming import judge  # noqa: PLC0415  # as said

            judge(worker)
        case "receiver":
            from loopctl.cli.demo.receiving import receive  # noqa: PLC0415  # as said

            receive(worker)


if __name__ == "__main__":
    sys.exit(main())
