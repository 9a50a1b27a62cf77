"""How far followers are behind, as the rounds of polling find them."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from eventstore.following.news import LogNews
from workers.agenda import Look


class Lag(Struct, frozen=True):
    """Of one follower over all tenants. ``seconds``: how long the oldest event that was found has waited since then."""

    logs: int = 0
    events: int = 0
    seconds: float = 0.0


class Target(Struct, frozen=True):
    """The end of a log when its follower was first found behind it."""

    size: int
    since: float


class Lags:
    """A busy log is behind in every round; what counts is how long it takes to get to an end that was seen."""

    def __init__(self, followers: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._followers = followers
        self._targets: dict[Look, Target] = {}
        self._round: dict[Look, Target] = {}
        self._behind: Counter[str] = Counter()

    def found(self, news: LogNews) -> None:
        key = Look(news.tenant_id, news.follower)
        target = self._targets.get(key)
        if target is None or news.next_position >= target.size:
            target = Target(news.size, self._clock())
        self._round[key] = target
        self._behind[news.follower] += abs(news.size - news.next_position)

    def round_over(self) -> Mapping[str, Lag]:
        """Every log was looked at since the last call."""
        now = self._clock()
        waited: dict[str, list[float]] = {name: [] for name in self._followers}
        for key, target in self._round.items():
            waited[key.follower].append(now - target.since)
        lags = {
            name: Lag(len(seconds), self._behind[name], max(seconds, default=0.0)) for name, seconds in waited.items()
        }
        self._targets, self._round, self._behind = self._round, {}, Counter()
        return lags
