"""JUnit files as test runners write them, and as somebody does who means harm."""

import gc
import tracemalloc

import pytest

from api.evidence.junit import DEEPEST, MOST_CASES, Junit, read_junit
from domain.errors import Invalid

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="1.2">
<testcase classname="tests.test_keys" name="test_grace" time="0.1"/>
<testcase classname="tests.test_keys.TestOld" name="test_old[a-b]"><failure message="no">&lt;a&gt;</failure></testcase>
<testcase classname="tests.test_keys" name="test_new"><skipped message="slow"/></testcase>
<testcase classname="" name="tests.test_broken"><error message="collection failure"/></testcase>
</testsuite></testsuites>"""
SUREFIRE = b"""<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.KeysTest"
 tests="2" failures="0" errors="0" skipped="0"><properties><property name="java.version" value="21"/></properties>
<testcase name="grace" classname="com.acme.KeysTest"><rerunFailure>first</rerunFailure>
<system-out><![CDATA[a]]></system-out></testcase><testcase name="old" classname="com.acme.KeysTest"/></testsuite>"""
NESTED = b"""<testsuites><testsuite name="outer" tests="2"><testsuite name="inner" tests="2">
<testcase name="a" file="src/a.spec.ts"/><testcase name="b" status="notrun"/></testsuite></testsuite></testsuites>"""


def read(text: bytes) -> Junit:
    return read_junit(text)


def refusal(text: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read_junit(text)
    return refused.value.message


def test_cases_of_pytest_are_read_with_what_became_of_each() -> None:
    found = read(PYTEST)
    assert [(case.group, case.name, case.outcome) for case in found.cases] == [
        ("tests.test_keys", "test_grace", "passed"),
        ("tests.test_keys.TestOld", "test_old[a-b]", "failed"),
        ("tests.test_keys", "test_new", "skipped"),
        ("pytest", "tests.test_broken", "error"),
    ]
    assert not found.counts_differ


def test_a_case_that_passed_when_it_was_run_again_has_passed() -> None:
    assert [case.outcome for case in read(SUREFIRE).cases] == ["passed", "passed"]


def test_suites_may_be_nested_and_cases_left_out() -> None:
    found = read(NESTED)
    assert [(case.name, case.outcome, case.file) for case in found.cases] == [
        ("a", "passed", "src/a.spec.ts"),
        ("b", "skipped", ""),
    ]
    assert not found.counts_differ


def test_a_suite_that_counts_more_than_it_names_is_told() -> None:
    assert read(b'<testsuite tests="9"><testcase name="a"/></testsuite>').counts_differ


@pytest.mark.parametrize(
    "text",
    [
        b'<testsuite failures="1"><testcase name="a"/></testsuite>',
        b'<testsuite errors="2"><testcase name="a"/></testsuite>',
        b'<testsuite><error message="did not start"/><testcase name="a"/></testsuite>',
    ],
)
def test_a_suite_that_failed_by_itself_has_failed(text: bytes) -> None:
    assert read(text).failed_whole


BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>', "document type, which is never read, at line 1"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><testsuite/>', "document type"),
        (b"<testsuite><testcase name='&nbsp;'/></testsuite>", "undefined entity, at line 1, column 12"),
        (b"<testsuite><testcase name='a'>\n</testsuite>", "mismatched tag, at line 2"),
        (b"", "no element found, at line 1, column 1"),
        (b"{}", "not well-formed (invalid token), at line 1"),
        (b"<html/>", "begins with <html>"),
        (b"<testsuite><testcase/></testsuite>", "a test case has no name, at line 1, column 12"),
        (b"<testsuite tests='1e9'/>", "'1e9', which is no number"),
        ("<?xml version='1.0' encoding='utf-16'?><testsuite/>".encode("utf-16"), "utf-16"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><testsuite/>", "iso-8859-1, not in UTF-8"),
        (b"<testsuite name='\xff'/>", "not well-formed (invalid token)"),
        (b"<testsuite>" + b"<properties>" * DEEPEST, "nests deeper"),
        (b"<testsuite>" + b"<testcase name='a'/>" * (MOST_CASES + 1) + b"</testsuite>", "more than 50000 test cases"),
    ],
)
def test_what_is_no_junit_is_refused_with_its_place(text: bytes, why: str) -> None:
    assert why in refusal(text)


def test_a_large_file_is_read_in_little_memory() -> None:
    """What is between the cases is never kept."""
    large = b"<testsuite><testcase name='a'><system-out>%b</system-out></testcase></testsuite>" % (b"x" * 6_000_000)
    gc.collect()
    tracemalloc.start()
    try:
        assert len(read(large).cases) == 1
        assert tracemalloc.get_traced_memory()[1] < len(large)
    finally:
        tracemalloc.stop()
