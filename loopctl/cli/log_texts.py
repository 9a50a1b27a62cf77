"""`loopctl log texts` and `loopctl log erase`: what stands beside the log and can be erased."""

from typing import Any

from msgspec import json

from loopctl.cli.options import PLAIN, Common, Input
from loopctl.cli.output import note
from loopctl.cli.reading import STANDARD_INPUT
from loopctl.cli.session import session
from loopctl.cli.settings import OWNING
from loopctl.cli.whole_file import answer_file

MOST = 1_000


def texts(*, output: Input | None = None, common: Common = PLAIN) -> None:
    """Fetch the texts that the log is committed to and that were not erased: an export does not have them.

    Parameters
    ----------
    output
        A file to write them to instead of standard output: all of them, or nothing.
    """
    with session(common, OWNING) as asked:
        found: list[Any] = []
        after, more = -1, True
        while more:
            page = asked.client.get("audit/texts", after=after, limit=MOST)
            found += page["texts"]
            more = page["has_more"] and page["next_after"] > after
            after = page["next_after"]
        if output is None or str(output) == STANDARD_INPUT:
            asked.show({"texts": found})
            return
        with answer_file(output) as file:
            file.write(json.encode({"texts": found}) + b"\n")
        note(f"{len(found)} written to {output}.")


def erase(position: int, /, *, reason: str, common: Common = PLAIN) -> None:
    """Erase the texts of one entry, for good. The log goes on proving that there were some, and verifies.

    Parameters
    ----------
    position
        Of the entry, as the audit trail and the change feed tell it.
    reason
        Why; it stands in the log.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"audit/entries/{position}/erase", {"reason": reason})["data"])
