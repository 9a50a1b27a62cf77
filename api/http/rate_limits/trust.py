"""Whether the counts in Redis are still whole: the same ones as before, by a clock that has not been moved."""

from api.http.rate_limits.script import Answer
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS

STEP_SECONDS = 0.1
SLEWED = 0.001
"""A clock that is corrected by slewing runs wrong by less than this part."""


class Trust:
    """Of one process. A clock moved back needs none: the script then counts everything for longer."""

    def __init__(self) -> None:
        self.epoch = 0
        """As last seen; 0 before."""
        self._ahead = 0.0
        self._unsure = 0.0
        self._since: float | None = None
        self._seen = 0.0

    def deserved(self, answer: Answer, sent: float, received: float) -> bool:
        """False when requests of the last minute may count no more. Asked once for each answer; after a False the new
        state is taken as good, and the caller has to wait for as long as a request counts."""
        before, self.epoch = self.epoch, answer.epoch
        last, self._seen = self._seen, received
        ahead, unsure = answer.now - (sent + received) / 2, (received - sent) / 2
        since = self._since
        if since is None or received - last > LONGEST_WAIT_SECONDS:  # of what this process knows, nothing counts
            self._ahead, self._unsure, self._since = ahead, unsure, received
            return True
        allowed = STEP_SECONDS + unsure + self._unsure + SLEWED * (received - since)
        if before != answer.epoch or ahead - self._ahead > allowed:
            self._ahead, self._unsure, self._since = ahead, unsure, received
            return False
        if ahead < self._ahead - allowed or received - since > LONGEST_WAIT_SECONDS:
            self._ahead, self._unsure, self._since = ahead, unsure, received
        return True
