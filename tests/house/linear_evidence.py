"""Evidence of tests among the texts from outside."""

from collections.abc import Mapping

from api.evidence.in_toto import LARGEST as LARGEST_STATEMENT
from api.evidence.in_toto import read_in_toto
from api.evidence.junit import LARGEST, read_junit
from bench.growing import Repeated
from tests.house.fed import DIGITS, Fed, Reader, fed

PATTERNS: Mapping[str, Fed] = {"evidence.COMMIT": fed("fullmatch", LARGEST, DIGITS, "a x")}
READERS: Mapping[str, Reader] = {
    "a JUnit file": Reader(
        read_junit,
        LARGEST,
        (
            Repeated(b"<testsuite>", b"<testcase name='a'/>"), Repeated(b"<testsuite>", b"<a>"),
            Repeated(b"<testsuite a='", b"&amp;"), Repeated(b"<testsuite>", b"<!-- - "),
            Repeated(b"<testsuite>", b"<![CDATA[ ]]"), Repeated(b"<testsuite><testcase name='", b"["),
            Repeated(b"<testsuite>", b"<testsuite tests='7'>"),
        ),
    ),
    "a statement of a test result": Reader(
        read_in_toto, LARGEST_STATEMENT, (Repeated(b"", b"["), Repeated(b'{"payload": "', b"A"), Repeated(b'{"', b"\\"))
    ),
}  # fmt: skip
