"""Ends with whoever has started it, where that one waits for it: `make`, which when it is killed tells nobody."""

import os
import signal
import threading
import time

VARIABLE = "LOOPCTL_ENDS_WITH"
"""Its pid. Those whom we start ourselves do not get it."""

LOOK_SECONDS = 0.5


def end_with_starter() -> None:
    """From now on this process is told to stop when its starter is gone. Nothing happens without the variable."""
    starter = os.environ.pop(VARIABLE, "")
    if starter.isdigit():
        threading.Thread(target=_watch, args=(int(starter),), daemon=True).start()


def _watch(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
