"""Answers as existing clients of these tools read them: laid-out JSON, and errors as error, status and body."""

from typing import Any

import mcp_types as types
from msgspec.json import encode
from msgspec.json import format as laid_out

from loopctl.mcp.serving import Manner, Result
from loopctl.mcp.telling import Failure

INSTRUCTIONS = "The state of a project's stories: who works on what, who confirmed it. Nobody confirms their own work."


def answered(body: Any) -> Result:
    said = {"ok": True} if body is None else {name: body[name] for name in body if name != "_meta"}
    result = Result(content=[types.TextContent(text=_text(said))], structured_content=said)
    if body and "_meta" in body:
        result.meta = body["_meta"]
    return result


def failed(failure: Failure) -> Result:
    """``status`` is 0 for what no server has said."""
    status = failure.error.get("status", 0)
    said = {"error": failure.error} if status else f"{failure.error['code']}: {failure.error['message']}"
    told = {"error": True, "status": status, "body": said, **({"next": failure.hint} if failure.hint else {})}
    return Result(content=[types.TextContent(text=_text(told))], structured_content=failure.body, is_error=True)


def _text(said: Any) -> str:
    return laid_out(encode(said)).decode()


MANNER = Manner(answered, failed, INSTRUCTIONS)
