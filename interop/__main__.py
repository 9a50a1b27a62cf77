"""`make interop`: what we make before checkers that are not ours, and what some of them make before ours.

The heads, receipts, proofs and tiles of the log (``log``), and the tools of agents (``mcp``). One line for each checker
and direction. With `--all` a checker that is not installed is a failure too.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import json

from interop.cases import Question, questions
from interop.checkers import CHECKERS, Checker, CheckerFailed, LeftOut, ask
from interop.controls import controls
from interop.folders import write_tiles
from interop.log import LARGE_SIZES, SMALL, large_log, small_log
from interop.mcp.checking import scores as scores_of_tools
from interop.returned import Returned, findings, order
from interop.score import Score

SHOWN = 5
"""So many wrong answers are printed for each checker."""


def main(arguments: Sequence[str]) -> int:
    """0: all that is installed agrees; 1: something does not, or nothing is installed."""
    if set(arguments) - {"--all", *PARTS}:
        print(f"usage: python -m interop [--all] [{' | '.join(PARTS)}]", file=sys.stderr)
        return 2
    scores: list[Score] = []
    left_out = 0
    for part in [part for part in PARTS if part in arguments] or PARTS:
        for said in PARTS[part]():
            if isinstance(said, Score):
                print(said.line(), *said.reasons, *said.wrong[:SHOWN], sep="\n  ", flush=True)
                scores.append(said)
            else:
                print(said)
                left_out += 1
    failed = not scores or any(score.wrong for score in scores) or ("--all" in arguments and left_out > 0)
    return 1 if failed else 0


def scores_of_the_log() -> Iterator[Score | str]:
    """A text says which checker was left out, and why."""
    with tempfile.TemporaryDirectory(prefix="loopctl-interop-") as temporary:
        folder = Path(temporary)
        asked = all_questions(folder)
        for checker in CHECKERS:
            try:
                name = f"{checker.name} ({checker.version()})"
            except LeftOut as error:
                yield f"{checker.name}: left out: {error}"
            else:
                yield from scores_of(checker, name, asked, folder)


def all_questions(folder: Path) -> list[Question]:
    small, large = folder / "small", folder / "large"
    write_tiles(small_log(), range(1, SMALL + 1), small)
    write_tiles(large_log(), LARGE_SIZES, large)
    return [*questions(small, large), *controls(small, large)]


def scores_of(checker: Checker, name: str, asked: Sequence[Question], folder: Path) -> list[Score]:
    try:
        command = checker.command(folder)
        scores = [put(command, checker, name, asked, folder)]
        if checker.produces:
            scores.append(take(command, name, folder))
    except CheckerFailed as error:
        return [Score(name, 0, (str(error),))]
    return scores


def put(command: list[str], checker: Checker, name: str, asked: Sequence[Question], folder: Path) -> Score:
    """Ours before theirs."""
    mine = [question for question in asked if kind(question) in checker.kinds]
    file = folder / "cases.json"
    file.write_bytes(json.encode([question.case for question in mine]))
    verdicts = json.decode(ask(command, "check", file), type=list[bool])
    if len(verdicts) != len(mine):
        raise CheckerFailed(f"{len(verdicts)} answers to {len(mine)} questions")
    wrong = [question for question, said in zip(mine, verdicts, strict=True) if said != question.accept]
    known = [question for question in wrong if checker.name in question.lenient]
    unknown = tuple(question.about for question in wrong if checker.name not in question.lenient)
    return Score(f"ours by {name}", len(mine) - len(wrong), unknown, len(known))


def take(command: list[str], name: str, folder: Path) -> Score:
    """Theirs before ours."""
    file = folder / "order.json"
    file.write_bytes(json.encode(order()))
    found = list(findings(json.decode(ask(command, "produce", file), type=Returned)))
    wrong = tuple(finding.about for finding in found if not finding.right)
    return Score(f"{name} by ours", len(found) - len(wrong), wrong)


def kind(question: Question) -> str:
    return str(question.case.__struct_config__.tag)


PARTS = {"log": scores_of_the_log, "mcp": scores_of_tools}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
