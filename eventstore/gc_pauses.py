"""Python's garbage collector, kept out of where a great many objects are made that are no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """For a stretch without ``await`` that makes up to a million objects and no cycles: the collector would walk all of
    them again and again (measured: a third of the time of an import of 10,000 stories)."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def collector_settled() -> None:
    """At the end of a start, once: what was made until now stays as long as the process, and the collector need not
    walk it again and again (measured: more than a quarter of the API's time under load). From here on it looks at what
    is young after this many new objects, which is some hundred requests' worth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)
