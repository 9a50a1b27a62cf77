"""Reads JUnit XML, of which every test runner writes another dialect, and of which everything may be hostile.

expat reads it as a stream and no tree is made. A document type is refused where it begins, so that there are no
entities but the five of XML; depth, elements and lengths are bounded.
"""

from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ErrorString, ExpatError, ParserCreate

from domain.errors import Invalid
from domain.lifecycle.evidence import Case, Outcome

LARGEST = 8_000_000
"""Bytes."""
DEEPEST = 64
MOST_CASES = 50_000
MOST_ELEMENTS = 1_000_000
LONGEST_NAME = 1000
ROOTS = ("testsuites", "testsuite")
SAYS: Mapping[str, Outcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
"""Elements in a case, the weightiest first."""
NOT_RUN = ("notrun", "suppressed", "disabled", "skipped")
"""How some runners write in an attribute that a case was left out."""


class Junit:
    """What was read: ``cases``, and whether the suites count more than there is."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.failed_whole = False
        """A suite failed by itself, or counts failures that are in none of its cases."""
        self.counts_differ = False


def read_junit(text: bytes) -> Junit:
    """Raises Invalid, with line and column."""
    if len(text) > LARGEST:
        raise Invalid(junit=f"should be at most {LARGEST} byte(s)")
    reading = _Reading()
    try:
        reading.parser.Parse(text, True)
    except ExpatError as error:
        raise unreadable(f"{ErrorString(error.code)}, at line {error.lineno}, column {error.offset + 1}") from None
    return reading.done()


def unreadable(why: str) -> Invalid:
    return Invalid(
        f"The JUnit file cannot be read: {why}", code="evidence_unreadable", junit=f"is no JUnit XML in UTF-8: {why}"
    )


class _Reading:
    """One document. ``_path`` holds the names of the elements that are open."""

    def __init__(self) -> None:
        self.parser: Any = ParserCreate()
        self.parser.StartElementHandler = self._begins
        self.parser.EndElementHandler = self._ends
        self.parser.StartDoctypeDeclHandler = self._has_doctype
        self.parser.XmlDeclHandler = self._declares
        self._path: list[str] = []
        self._case: dict[str, str] | None = None
        self._said: set[str] = set()
        self._suites: list[dict[str, str]] = []
        self._elements = 0
        self._counted: dict[str, int] = {"tests": 0, "failures": 0, "errors": 0}
        self._found = Junit()

    def done(self) -> Junit:
        found, counted = self._found, self._counted
        outcomes = [case.outcome for case in found.cases]
        found.counts_differ = found.counts_differ or counted["tests"] > len(outcomes)
        if counted["failures"] + counted["errors"] and not {"failed", "error"} & set(outcomes):
            found.failed_whole = True
        return found

    def _refuse(self, why: str) -> Invalid:
        place = f"at line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"
        return unreadable(f"{why}, {place}")

    def _has_doctype(self, *_: object) -> None:
        raise self._refuse("it declares a document type, which is never read")

    def _declares(self, _: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise self._refuse(f"it is in {encoding[:40]}, not in UTF-8")

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self._elements += 1
        if not self._path and name not in ROOTS:
            raise self._refuse(f"it begins with <{name[:40]}>, not with <testsuites> or <testsuite>")
        if len(self._path) >= DEEPEST:
            raise self._refuse(f"it nests deeper than {DEEPEST} elements")
        if self._elements > MOST_ELEMENTS:
            raise self._refuse(f"it has more than {MOST_ELEMENTS} elements")
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name == "testcase" and parent in ROOTS:
            self._begins_case(attributes)
        elif name == "testsuite":
            self._suites.append(attributes)
        elif name in SAYS and parent == "testcase":
            self._said.add(name)
        elif name in ("failure", "error") and parent in ROOTS:
            self._found.failed_whole = True

    def _begins_case(self, attributes: dict[str, str]) -> None:
        if len(self._found.cases) >= MOST_CASES:
            raise self._refuse(f"it has more than {MOST_CASES} test cases")
        if not attributes.get("name", "").strip():
            raise self._refuse("a test case has no name")
        self._case, self._said = attributes, set()
        if "notrun" in (attributes.get("status"), attributes.get("result")) or attributes.get("status") in NOT_RUN:
            self._said.add("skipped")

    def _ends(self, name: str) -> None:
        self._path.pop()
        name = name.rpartition(":")[2]
        if name == "testcase" and self._case is not None:
            case, self._case = self._case, None
            outcome: Outcome = next((SAYS[each] for each in SAYS if each in self._said), "passed")
            group, file = case.get("classname", ""), case.get("file", "")
            if not group and self._suites:
                group = self._suites[-1].get("name", "")
            self._found.cases.append(
                Case(case["name"].strip()[:LONGEST_NAME], outcome, group[:LONGEST_NAME], file[:LONGEST_NAME])
            )
        elif name == "testsuite":
            suite = self._suites.pop()
            if not self._suites:  # an outer one counts the inner ones again
                for counted in self._counted:
                    self._counted[counted] += self._number(suite.get(counted))

    def _number(self, text: str | None) -> int:
        """As a suite counts; what is left out counts nothing."""
        if text is None or not text.strip():
            return 0
        digits = text.strip()
        if len(digits) > 9 or not (digits.isascii() and digits.isdigit()):
            raise self._refuse(f"a suite counts {digits[:20]!r}, which is no number")
        return int(digits)
