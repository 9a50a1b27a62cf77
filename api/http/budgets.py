"""How much of something one key, one tenant and this process may hold at a time: places, bytes of bodies and answers.

A tenant can never take all of it, so that what one of them hoards is for itself to miss.
"""

from types import TracebackType
from typing import Literal, NamedTuple, Self
from uuid import UUID

from msgspec import Struct

from api.http.refusal import Refused
from domain.caller import NO_TENANT, Caller


class Share(Struct, frozen=True):
    """The most that each may hold."""

    key: int
    tenant: int
    process: int


class Holder(NamedTuple):
    """For whom something is held."""

    tenant: UUID
    key: UUID


NOBODY = Holder(NO_TENANT, UUID(int=1))
"""Everybody without a key together."""

Level = Literal["key", "tenant", "process"]


def holder_of(caller: Caller | None) -> Holder:
    return NOBODY if caller is None else Holder(caller.tenant_id, caller.key_id)


class Budget:
    """Whoever has taken gives back, whatever happens. Remembers only those who hold something."""

    __slots__ = ("_advice", "_retry_seconds", "held", "of", "share")

    def __init__(self, share: Share, advice: str, retry_seconds: int = 1) -> None:
        """``advice`` is what a client is told that has taken its share: what to do, after ``retry_seconds``."""
        self.share = share
        self.held = 0
        self.of: dict[UUID, int] = {}
        """By tenant and by key."""
        self._advice = advice
        self._retry_seconds = retry_seconds

    def lacks(self, holder: Holder, amount: int = 1) -> Level | None:
        """Whose share is too small for so much more; None when all are large enough."""
        if self.held + amount > self.share.process:
            return "process"
        if self.of.get(holder.tenant, 0) + amount > self.share.tenant:
            return "tenant"
        return "key" if self.of.get(holder.key, 0) + amount > self.share.key else None

    def take(self, holder: Holder, amount: int = 1) -> None:
        of = self.of
        self.held += amount
        of[holder.tenant] = of.get(holder.tenant, 0) + amount
        of[holder.key] = of.get(holder.key, 0) + amount

    def give_back(self, holder: Holder, amount: int = 1) -> None:
        self.held -= amount
        for each in holder:
            left = self.of[each] - amount
            if left:
                self.of[each] = left
            else:
                del self.of[each]

    def refusal(self, level: Level) -> Refused:
        headers = {"Retry-After": str(self._retry_seconds)}
        if level == "process":
            return Refused("overloaded", headers=headers)
        message = f"Too much at once of this {level}. {self._advice}"
        return Refused("too_many_at_once", message, headers=headers, retry_after_seconds=self._retry_seconds)


class Held:
    """What one holder has of a budget, for the length of a block."""

    __slots__ = ("_amount", "_budget", "_holder")

    def __init__(self, budget: Budget, holder: Holder) -> None:
        self._budget = budget
        self._holder = holder
        self._amount = 0

    def grow_to(self, amount: int) -> None:
        """Raises Refused. Of more than a key may ever have, it is as much as that."""
        more = min(amount, self._budget.share.key) - self._amount
        if more <= 0:
            return
        level = self._budget.lacks(self._holder, more)
        if level is not None:
            raise self._budget.refusal(level)
        self._budget.take(self._holder, more)
        self._amount += more

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._amount:
            self._budget.give_back(self._holder, self._amount)
