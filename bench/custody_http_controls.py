"""Controls of the custody machine that only HTTP knows: heads and halts. Each must be found."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from msgspec import structs

from api import commands
from api.http.asking import Asking
from api.http.witness import Witnessing
from api.lifecycle import bulk
from bench.custody_controls import replaced
from eventstore.log.command import Known


@contextmanager
def heads_unheard() -> Iterator[None]:
    """Nobody looks at what clients say of heads."""

    async def unheard(*_: Any) -> None:
        pass

    original: Any = Witnessing.check
    setattr(Witnessing, "check", unheard)  # noqa: B010  # mypy takes methods for final
    try:
        yield
    finally:
        setattr(Witnessing, "check", original)  # noqa: B010  # as said


def halts_unheeded() -> AbstractContextManager[None]:
    """While custody is halted, everything goes on."""
    original = commands.check_caller

    def unheeding(asking: Asking, at: datetime, known: Known) -> None:
        original(structs.replace(asking, halts=False), at, known)

    return replaced(commands, "check_caller", unheeding)


def halts_answer_for_all() -> AbstractContextManager[None]:
    """A halt on the way of a request for many stories is its whole answer, whatever was done before."""
    return replaced(bulk, "HALTED", "nothing")
