"""Evidence of tests among the texts from outside."""

from collections.abc import Mapping

from api.evidence.in_toto import LARGEST as LARGEST_STATEMENT
from api.evidence.in_toto import read_in_toto
from api.evidence.junit import LARGEST, read_junit
from bench.growing import Repeated
from tests.house.fed import DIGITS, Fed, Reader, fed

PATTERNS: Mapping[str, Fed] = {
    "evidence.COMMIT": fed("fullmatch", LARGEST, DIGITS, "a x"),
    "ci_change.NAMED": fed("findall", LARGEST, "US- 7 x", "US-7. 7 x", " US- "),
    "ci_identity.AUDIENCE": fed("fullmatch", LARGEST, "urn:loopctl: a !"),
}
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

CUTTERS: Mapping[str, str] = {
    "junit": "a JUnit file",
    # Once over a text that is short or our own.
    "issuer_keys": "", "tokens": "", "stories": "", "ci": "", "ci_identity": "", "ci_change": "",
}  # fmt: skip
