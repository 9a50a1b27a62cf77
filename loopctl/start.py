"""Where the command begins: nothing is loaded before Ctrl-C is one line instead of a traceback."""

import signal
import sys

INTERRUPTED = 130


def main() -> int:
    # Who is told to end says as much as after Ctrl-C: a harness whose patience is over sends this one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from loopctl.cli.main import main as command  # noqa: PLC0415  # as said above

        return command()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if sys.stderr is not None:
            sys.stderr.write("loopctl: interrupted\n")
        return INTERRUPTED
    finally:
        # What was to be done is done, and the exit code says how; there is nothing left to interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
