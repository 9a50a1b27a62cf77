"""Modules, functions and parameter lists stay small; what is too large already may only shrink (sizes.json)."""

import json
from pathlib import Path

from tests.house.sizes import complaints, offenders
from tests.house.tree import Source, sources

KNOWN: dict[str, int] = json.loads(Path(__file__).with_name("sizes.json").read_text())


def test_nothing_is_too_large_and_nothing_known_grew() -> None:
    """Went red when a module of 401 lines was added, and when a size in sizes.json was lowered by one."""
    assert complaints(offenders(sources(".py")), KNOWN) == []


def test_a_long_module_is_an_offender_from_line_401_on() -> None:
    assert offenders([Source("domain/made_up.py", "\n" * 400)]) == {}
    assert offenders([Source("domain/made_up.py", "\n" * 401)]) == {"module domain/made_up.py": 401}


def test_a_long_function_is_an_offender_from_line_51_on() -> None:
    body = "    pass\n" * 50
    assert offenders([Source("domain/made_up.py", f"def f():\n{body}")]) == {"function domain/made_up.py:f": 51}
    assert offenders([Source("domain/made_up.py", f"def f():\n{body[9:]}")]) == {}


def test_a_function_inside_a_class_is_named_with_it() -> None:
    method = "class Story:\n    async def claim(self):\n" + "        pass\n" * 50
    assert offenders([Source("domain/made_up.py", method)]) == {"function domain/made_up.py:Story.claim": 51}


def test_a_sixth_parameter_is_an_offender_except_in_tests() -> None:
    text = "class Story:\n    def claim(self, a, b, c, *, d, e, f): ...\n    def start(self, a, b, c, d, e): ...\n"
    assert offenders([Source("domain/made_up.py", text)]) == {"parameters domain/made_up.py:Story.claim": 6}
    assert offenders([Source("tests/made_up.py", text)]) == {}


def test_a_new_offender_is_refused() -> None:
    assert complaints({"module a.py": 410}, {}) == ["module a.py is new with 410: split it"]


def test_a_known_offender_may_shrink_but_not_grow() -> None:
    assert complaints({"module a.py": 405}, {"module a.py": 410}) == []
    assert complaints({"module a.py": 411}, {"module a.py": 410}) == ["module a.py grew from 410 to 411: split it"]


def test_a_module_over_500_lines_is_refused_even_when_known() -> None:
    assert len(complaints({"module a.py": 501}, {"module a.py": 501})) == 1


def test_an_entry_that_is_no_longer_needed_has_to_go() -> None:
    assert complaints({}, {"module a.py": 410}) == [
        "module a.py is within the limit or gone: remove it from sizes.json"
    ]
