"""What a successful answer looks like, for the OpenAPI document: by example, which the schema is taken from."""

from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example


def answers(status: int, description: str, example: Any) -> dict[int, ResponseSpec]:
    """For ``responses=`` of a handler."""
    return {status: ResponseSpec(dict[str, Any], False, description, examples=[Example(value=example)])}


def answers_nothing(status: int, description: str) -> dict[int, ResponseSpec]:
    return {status: ResponseSpec(None, False, description)}
