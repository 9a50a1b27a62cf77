"""What is in the tree is finished, every test can fail, and every silenced tool has its reason beside it."""

import pytest

from tests.house.tree import Source, sources
from tests.house.unfinished import bare_suppressions, empty_tests, stubs

STUB_LINES = (
    "    raise Not" + "ImplementedError",
    "# TO" + "DO: later",
    "# FIX" + "ME",
    "value = 1  # XX" + "X",
    "@pytest.mark.x" + "fail",
    "pytest.sk" + "ip('no server')",
)


def test_no_stub_no_note_to_self_no_test_left_out() -> None:
    """Went red for each of STUB_LINES written into a new module under domain/."""
    assert [line for source in sources(".py", ".sql") for line in stubs(source)] == []


@pytest.mark.parametrize("line", STUB_LINES)
def test_each_kind_of_stub_is_found(line: str) -> None:
    assert len(stubs(Source("domain/made_up.py", f"import pytest\n{line}\n"))) == 1


def test_every_test_can_fail() -> None:
    """Went red when a test function with nothing but a call in it was added under tests/."""
    tests = [source for source in sources(".py") if source.package == "tests"]
    assert [line for source in tests for line in empty_tests(source)] == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("run()", "asserts nothing"),
        ("assert True", "asserts a constant"),
        ("assert 'always'", "asserts a constant"),
    ],
)
def test_a_test_that_cannot_fail_is_found(body: str, complaint: str) -> None:
    found = empty_tests(Source("tests/made_up.py", f"async def test_it() -> None:\n    {body}\n"))
    assert found == [f"tests/made_up.py:1: test_it {complaint}"]


@pytest.mark.parametrize("body", ["assert run() == 1", "with pytest.raises(ValueError):\n        run()", "check_it(1)"])
def test_a_test_that_can_fail_is_let_through(body: str) -> None:
    assert empty_tests(Source("tests/made_up.py", f"def test_it() -> None:\n    {body}\n")) == []


def test_every_suppression_names_its_rule_and_its_reason() -> None:
    """Went red when the reason after one suppression in supervisor/ was removed."""
    assert [line for source in sources(".py") for line in bare_suppressions(source)] == []


@pytest.mark.parametrize(
    ("comment", "complaints"),
    [
        ("# no" + "qa", 1),
        ("# no" + "qa: S101", 1),
        ("# no" + "qa: S101, T201  # the program's own voice", 0),
        ("# no" + "qa: S101  the program's own voice", 0),
        ("# type: " + "ignore", 1),
        ("# type: " + "ignore[misc]", 1),
        ("# type: " + "ignore[misc]  # decorator without types", 0),
    ],
)
def test_a_suppression_without_rule_or_reason_is_found(comment: str, complaints: int) -> None:
    assert len(bare_suppressions(Source("api/made_up.py", f"value = 1  {comment}\n"))) == complaints
