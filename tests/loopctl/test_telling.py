"""How tools tell what the server refuses."""

import pytest

from loopctl.client import Client, Refused
from loopctl.mcp.telling import SHOWN, Failure, failure_of


@pytest.fixture
def client() -> Client:
    return Client("http://127.0.0.1:9", None)


def told(body: object, client: Client) -> Failure:
    return failure_of(Refused(422, body), client)


def test_of_many_that_are_refused_each_says_why(client: Client) -> None:
    """Went red while the answer was told as a sentence that broke off after 200 letters."""
    results = [
        {
            "story_id": f"id-{number}",
            "number": f"1.{number}",
            "code": "not_pre_existing",
            "reason": "It was begun here.",
        }
        for number in range(SHOWN + 2)
    ]
    failure = told({"results": results}, client)
    assert (failure.error["code"], failure.error["results"]) == ("nothing_done", results)
    assert failure.line.startswith("nothing_done (422): 1.0: not_pre_existing, It was begun here. 1.1: ")
    assert failure.line.endswith(" And 2 more. Next: Mend these, or leave them out.")


def test_one_refusal_is_the_servers_own(client: Client) -> None:
    """The control."""
    error = {"code": "not_pre_existing", "message": "No.", "hints": ["Verify it."]}
    assert told({"error": error}, client).line == "not_pre_existing (422): No. Next: Verify it."
