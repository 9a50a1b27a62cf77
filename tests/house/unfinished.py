"""Code that says it is not done, tests that cannot fail, and suppressions without a reason."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Source

# In pieces, so that this file does not hold what it forbids.
STUBS = re.compile(
    "|".join(
        (
            "Not" + r"ImplementedError",
            "raise Not" + r"Implemented\b",
            r"\bTO" + r"DO\b",
            r"\bFIX" + r"ME\b",
            r"\bXX" + r"X\b",
            r"pytest\.(skip|xfail|importor" + r"skip)\b",
            r"mark\.(skip|xfail|skip" + r"if)\b",
        )
    )
)
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|pyright:\s*ignore|fmt:\s*off|nosec)\b(.*)")
WITH_RULE_AND_REASON = re.compile(r"(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z-]+(,\s*[a-z-]+)*\])(\s+#\s+|\s{2,})\S.*")
CHECKING_NAMES = (
    "assert_",
    "check_",
    "expect_",
    "raises",
    "rejects",
    "warns",
    "until",
    "wait_until",
    "run_state_machine_as_test",
)


def stubs(source: Source) -> list[str]:
    lines = enumerate(source.text.splitlines(), start=1)
    return [f"{source.name}:{number}: {line.strip()}" for number, line in lines if STUBS.search(line)]


def bare_suppressions(source: Source) -> list[str]:
    """Comments that silence a tool without naming the rule, or without saying why on the same line."""
    said = []
    for number, line in enumerate(source.text.splitlines(), start=1):
        match = SUPPRESSION.search(line)
        if match and not WITH_RULE_AND_REASON.fullmatch(match[2].strip()):
            said.append(f"{source.name}:{number}: {match[0]}")
    return said


def empty_tests(source: Source) -> list[str]:
    """Test functions without an assertion, or with one on a constant, which can never fail."""
    said = []
    for function in _test_functions(source.tree()):
        place = f"{source.name}:{function.lineno}: {function.name}"
        asserted = [node.test for node in ast.walk(function) if isinstance(node, ast.Assert)]
        if any(isinstance(test, ast.Constant) and test.value for test in asserted):
            said.append(f"{place} asserts a constant")
        if not asserted and not any(_checks(node) for node in ast.walk(function)):
            said.append(f"{place} asserts nothing")
    return said


def _test_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def _checks(node: ast.AST) -> bool:
    """A call of a function whose name says that it raises when something is wrong."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name.startswith(CHECKING_NAMES)
