"""Every exception becomes an answer that says what a client may know, and nothing else."""

import ast
import inspect
import io
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from litestar import get
from litestar.exceptions import HTTPException, NotAuthorizedException

import domain.errors
from api.http.codes import CODES
from api.http.errors import failure_of, status_of
from api.http.refusal import Refused
from domain.errors import Conflict, CustodyViolation, Forbidden, Invalid, NotFound, Rejected
from eventstore.database.unavailable import DatabaseUnavailable
from tests.api.asgi import ask, made

CHECKOUT = Path(__file__).parents[3]
CLASSES = [kind for _, kind in inspect.getmembers(domain.errors, inspect.isclass) if issubclass(kind, Rejected)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_of_refusals_has_a_status_and_a_documented_code(kind: type[Rejected]) -> None:
    assert kind.default_code in CODES
    assert CODES[kind.default_code].status == status_of(kind)


def test_the_family_is_closed() -> None:
    """A subclass that is defined elsewhere would escape the test above."""
    assert {kind.__module__ for kind in _descendants(Rejected)} == {"domain.errors"}


def _descendants(kind: type[Rejected]) -> Iterator[type[Rejected]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def named_codes(text: str) -> list[str]:
    """Codes that are written out where something is refused, in a module's source."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = [word.value for word in node.keywords if word.arg == "code"]
            first = node.args[:1] if node.func.id in ("Refused", "_coded") else []
            relevant = [*named, *first] if node.func.id in REFUSERS else []
            found += [each.value for each in relevant if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return found


REFUSERS = {kind.__name__ for kind in CLASSES} | {"Refused", "_coded"}


def sources(*folders: str) -> list[str]:
    return [path.read_text() for folder in folders for path in (CHECKOUT / folder).rglob("*.py")]


def test_every_code_that_is_written_in_the_server_is_documented() -> None:
    """Went red when a Refused in api/http/body.py was given the code made_up."""
    codes = {code for text in sources("api", "domain", "eventstore", "workers") for code in named_codes(text)}
    assert len(codes) > 5
    assert codes - CODES.keys() == set()
    assert named_codes("raise Conflict('x', code='made_up')\nraise Refused('too_made_up')") == [
        "made_up",
        "too_made_up",
    ]


def test_every_code_is_raised_somewhere() -> None:
    """Went red for `missing_capability`, which nothing raises yet. What a route only promises in its documentation does
    not count; below the API, codes are also handed to the functions that raise."""
    below = {
        node.value
        for text in sources("domain", "eventstore")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    raised = {code for text in sources("api") for code in named_codes(text)}
    assert CODES.keys() - below - raised - {kind.default_code for kind in CLASSES} == set()


def test_codes_say_what_they_mean_and_are_spelled_alike() -> None:
    for code, known in CODES.items():
        assert code == code.lower()
        assert code.replace("_", "").isalpha()
        assert 400 <= known.status < 600
        assert known.meaning[0].isupper()
        assert not known.meaning.endswith(".")


@pytest.mark.parametrize(
    ("error", "status", "code", "members"),
    [
        (NotFound("Not found"), 404, "not_found", {}),
        (Forbidden("no", code="cap_rejected"), 403, "cap_rejected", {}),
        (Forbidden("for whom?", code="tenant_context_required"), 400, "tenant_context_required", {}),
        (Invalid(name="can't be blank"), 422, "validation_failed", {"details": {"name": ["can't be blank"]}}),
        (
            Conflict("Cannot claim", code="invalid_transition", current_state="done", hints=["wait"], nothing=None),
            409,
            "invalid_transition",
            {"current_state": "done", "hints": ["wait"]},
        ),
        (CustodyViolation("no", code="self_verify_blocked"), 409, "self_verify_blocked", {}),
        (Conflict("no", code="not_in_the_table"), 409, "not_in_the_table", {}),
        (Refused("overloaded"), 503, "overloaded", {}),
        (Refused("sealed", "No key-encryption key is configured."), 503, "sealed", {}),
        (HTTPException(status_code=413), 413, "payload_too_large", {}),
        (NotAuthorizedException(), 401, "unauthorized", {}),
        (HTTPException(status_code=405), 404, "not_found", {}),
        (TimeoutError(), 503, "deadline_exceeded", {}),
        (DatabaseUnavailable("lost"), 503, "database_unavailable", {}),
        (asyncpg.CharacterNotInRepertoireError("bytes"), 422, "validation_failed", {}),
        (msgspec.ValidationError("Expected `int`, got `str` - at `$.a[0].b`"), 422, "validation_failed", {
            "details": {"a[0].b": ["is invalid: must be a whole number"]}
        }),
        (HTTPException(status_code=500), 500, "internal_error", {}),
        (RuntimeError("SELECT secret"), 500, "internal_error", {}),
    ],
)  # fmt: skip
def test_each_kind_of_exception_has_its_answer(
    error: Exception, status: int, code: str, members: dict[str, object]
) -> None:
    failure = failure_of(error)
    assert (failure.status, failure.code, dict(failure.members)) == (status, code, members)


def test_a_lost_commit_says_that_the_outcome_is_unknown_and_other_losses_do_not() -> None:
    assert "Idempotency-Key" in failure_of(DatabaseUnavailable("lost", outcome_unknown=True)).message
    assert "Idempotency-Key" not in failure_of(DatabaseUnavailable("lost")).message
    assert failure_of(DatabaseUnavailable("lost")).headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    ("said", "details"),
    [
        ("Object missing required field `title`", {"title": ["can't be blank"]}),
        ("Object missing required field `id` - at `$.stories[2]`", {"stories[2].id": ["can't be blank"]}),
        ("Object contains unknown field `x`", {"x": ["is not a known field"]}),
        ("Expected `str` of length <= 5 - at `$.name`", {"name": ["should be at most 5 character(s)"]}),
        ("Expected `str` of length >= 1 - at `$.name`", {"name": ["can't be blank"]}),
        ("Expected `str` of length >= 3 - at `$.name`", {"name": ["should be at least 3 character(s)"]}),
        ("Expected `int` >= 0 - at `$.n`", {"n": ["must be greater than or equal to 0"]}),
        ("Expected `float` < 1.5 - at `$.n`", {"n": ["must be less than 1.5"]}),
        ("Expected `object`, got `array` - at `$.settings`", {"settings": ["must be a map"]}),
        ("Invalid enum value 'x' - at `$.role`", {"role": ["is invalid"]}),
        ("Expected `int`, got `str` - at `$[...]`", {"[...]": ["is invalid: must be a whole number"]}),
    ],
)
def test_what_a_decoder_says_is_put_in_the_words_that_clients_know(said: str, details: dict[str, list[str]]) -> None:
    assert failure_of(msgspec.ValidationError(said)).members["details"] == details


async def test_a_bug_is_counted_and_logged_and_says_nothing_about_itself(caplog: pytest.LogCaptureFixture) -> None:
    @get("/broken", opt={"access": "public"})
    async def broken() -> str:
        raise RuntimeError("SELECT * FROM secrets WHERE path = '/etc/passwd'")

    app = made(broken, log=io.BytesIO())
    answer = await ask(app, "/broken")
    assert answer.json() == {"error": {"status": 500, "code": "internal_error", "message": "Internal server error"}}
    assert "secrets" not in str(answer)
    assert "loopctl_internal_errors_total 1.0" in (await ask(app, "/metrics")).body.decode()


async def test_a_handler_that_refuses_is_answered_with_its_code() -> None:
    @get("/claim", opt={"access": "public"})
    async def claim() -> str:
        raise Conflict("Conflict: taken", code="invalid_transition", current_state="assigned", hints=["ask again"])

    answer = await ask(made(claim), "/claim")
    assert answer.status == 409
    assert answer.error == {
        "status": 409,
        "code": "invalid_transition",
        "message": "Conflict: taken",
        "current_state": "assigned",
        "hints": ["ask again"],
        "remediation": {"learn_more": "/wiki/agent-pattern"},
    }
