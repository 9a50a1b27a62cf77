"""docs/api.md says what a running service answers."""

from pathlib import Path

import pytest

from tests.contract.api_document import DOCUMENT, Walk, printed_statuses, tenant, walked
from tests.support.running import up

pytestmark = pytest.mark.slow


def test_every_command_of_the_document_answers_as_it_is_printed(tmp_path: Path) -> None:
    text = DOCUMENT.read_text("utf-8")
    with up(tmp_path / "data") as run:
        walk = Walk(run.wait_until_healthy(), tenant(run.data))
        statuses = [answer.status for _, answer in walked(text, walk) if answer is not None]
    assert statuses == printed_statuses(text)
    assert set(statuses) == {200, 201, 202, 403, 404, 409, 422}


def test_a_printed_status_that_is_not_the_answer_s_is_found() -> None:
    """The control: what is printed is read from the document, not made up."""
    text = DOCUMENT.read_text("utf-8")
    assert printed_statuses(text.replace("\n409 {", "\n200 {")) != printed_statuses(text)
