"""What can go wrong, among the exceptions that users of the library catch anyway."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import DataError, NotSupportedError, OperationalError, ProgrammingError

from loopctl.audit.fault import Fault, Finding, Unreadable
from loopctl.tlog.errors import TlogError


class NotVerified(DataError):
    """The log is not what it claims to be, or not the log of the given keys. ``finding`` says what is wrong where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.place}: {finding.problem}")
        self.finding = finding


class Unavailable(OperationalError):
    """There is nothing to be judged: no bundle there, a server that does not answer or does not know the key."""


class ReadOnly(NotSupportedError):
    """Something was to be written."""

    def __init__(self) -> None:
        super().__init__("a log can only be read here: events enter it through the API of its server")


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise NotVerified(fault.finding) from None
    except Unreadable as error:
        raise Unavailable(str(error)) from None
    except OSError as error:
        raise Unavailable(f"the log cannot be read ({error.strerror})") from None
    except TlogError as error:
        raise ProgrammingError(f"what was given to trust is no such thing: {error}") from None
