"""``python -m tests.golden`` writes the stored bytes of event types that have none yet, or that have gained fields.

It adds and never changes: what was once written into a log is read for ever. It refuses when an event type can no
longer read what is stored of it, or would write the same event in another way.
"""

import sys

from domain.events import EVENTS
from loopctl.tlog.errors import TlogError
from tests.golden.forms import file_of, judge, made, stored, written


def main() -> int:
    broken = 0
    for kind in EVENTS:
        forms = stored(kind.TAG)
        verdict = judge(kind, forms)
        if verdict.state == "broken":
            print(verdict.problem, file=sys.stderr)  # noqa: T201  # it is a command
            broken = 1
        elif verdict.state != "current":
            try:
                new = made(kind)
            except (TypeError, ValueError, TlogError) as error:
                error.add_note(f"in an example of {kind.TAG}")
                raise
            file_of(kind.TAG).write_text(written([*forms, *new]), "utf-8")
            print(f"{verdict.problem}: added")  # noqa: T201  # it is a command
    return broken


if __name__ == "__main__":
    sys.exit(main())
