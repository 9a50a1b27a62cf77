"""What is found wrong with an import: all of it, each with its place, and told in one answer."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from domain.errors import Invalid, Rejected

MOST_NAMED = 100
"""Places that one answer names; the others are counted."""

Made = TypeVar("Made")


class Findings:
    """By path, such as ``epics[3].stories[7].title``: the first thing that is wrong there counts."""

    def __init__(self, before: "Findings | None" = None) -> None:
        self._wrong: dict[str, Invalid] = dict(before._wrong) if before else {}
        self._refused: dict[str, Rejected] = dict(before._refused) if before else {}

    def wrong(self, path: str, problem: str) -> None:
        self._wrong.setdefault(path, Invalid(**{path: problem}))

    def inconsistent(self, path: str, message: str, problem: str, code: str = "import_invalid") -> None:
        """Well-formed, and contradicts something else in the import or in the project."""
        self._wrong.setdefault(path, Invalid(message, code=code, **{path: problem}))

    def checked(self, path: str, decide: Callable[[], Made]) -> Made | None:
        """What is decided, or None when it was refused: then the refusal is one of the findings."""
        try:
            return decide()
        except Invalid as error:
            for field, problems in error.facts["details"].items():
                self.wrong(f"{path}.{field}" if field else path, problems[0])
        except Rejected as error:
            self._refused.setdefault(path, error)
        return None

    def raise_any(self) -> None:
        """Raises one refusal for all of them: Invalid when something that was sent is wrong, else the first one."""
        told: dict[str, Sequence[str]] = {path: error.facts["details"][path] for path, error in self._wrong.items()}
        told |= {path: [error.message] for path, error in self._refused.items() if path not in told}
        named = dict(islice(told.items(), MOST_NAMED))
        if self._wrong:
            first = next(iter(self._wrong.values()))
            same = all(error.code == first.code for error in self._wrong.values()) and not self._refused
            raise Invalid(_summed(first.message, told), code=first.code if same else None, **named)
        if self._refused:
            path, refused = next(iter(self._refused.items()))
            facts = {**refused.facts, "details": named}
            raise type(refused)(f"{path}: {_summed(refused.message, told)}", code=refused.code, **facts)


def _summed(message: str, told: dict[str, Sequence[str]]) -> str:
    if len(told) == 1:
        return message
    named = "each is in details" if len(told) <= MOST_NAMED else f"the first {MOST_NAMED} are in details"
    return f"{message.removesuffix('.')} ({len(told)} things are wrong with this import; {named})"
