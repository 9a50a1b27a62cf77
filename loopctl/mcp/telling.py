"""How a tool's failure is told: a line with code, message and what to do next, and the server's error whole."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.client import Client, Refused, Unreachable, Unusable

KEY_IS_OVER = "A person gives this MCP server another key (LOOPCTL_API_KEY) and starts it again."
PERSON = "A person does it in a terminal, with a security key: loopctl --help"
NEXT = {
    "unauthorized": KEY_IS_OVER,
    "invalid_api_key": KEY_IS_OVER,
    "api_key_revoked": KEY_IS_OVER,
    "insufficient_role": "This key's role may not do it: another role's MCP server does.",
    "agent_identity_required": "A person registers an agent with this key: loopctl agent register --name NAME",
    "nothing_ready": "Nothing can be begun now. See what others wait for: resume.",
    "self_report_blocked": "Call request_review; another agent reports.",
    "self_review_blocked": "Another agent reviews it.",
    "self_verify_blocked": "Another orchestrator verifies it.",
    "review_required": "First, by another agent: complete_review.",
    "review_not_conducted": "First, by another agent: complete_review.",
    "story_not_reported_done": "First, by another agent than the implementer: report_story.",
    "lease_lost": "The claim has ended: next_story.",
    "import_conflict": "To add to what is there: merge true.",
    "version_conflict": "See the newest version: resume.",
    "webauthn_required": PERSON,
    "tenant_halted": "Stop. Custody of the tenant is halted, and a person has to look.",
    "not_built": "Go on without it: this server does not do it yet.",
}
"""By the code of a refusal that does not say what comes next in the words of the tools."""

STOPPED = {
    Exit.MISSING: "See what there is: resume.",
    Exit.USAGE: "Say project by id or slug, a story as 2.1 or by its id.",
}
"""By the kind of what a name did not lead to: the hints of commands name commands."""


SHOWN = 5
"""Of many that are refused."""
LEAVE_OUT = "Mend these, or leave them out."


class Failure(Struct, frozen=True):
    """``error`` is the server's where that said one."""

    error: Mapping[str, Any]
    hint: str

    @property
    def line(self) -> str:
        status = f" ({self.error['status']})" if "status" in self.error else ""
        said = f"{self.error.get('code', 'refused')}{status}: {self.error.get('message', '')}"
        return f"{said} Next: {self.hint}" if self.hint else said

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error, **({"hint": self.hint} if self.hint else {})}


def failure_of(error: Exception, client: Client) -> Failure:
    """Raises what is no failure of a call, but of the program."""
    match error:
        case Refused():
            said = _of_server(error)
        case Unreachable():
            said = own("unreachable", str(error), "Try again later; a person looks whether the server runs.")
        case Unusable():
            said = own(error.code, str(error), error.hint)
        case Stop():
            facts = {"code": error.exit_code.name.lower(), "message": error.message, **error.facts}
            said = Failure(facts, STOPPED.get(error.exit_code, ""))
        case LookupError() | TypeError() | AttributeError():
            said = own(
                "not_loopctl", f"The server's answer has another form ({error!r}).", "A person looks: loopctl doctor"
            )
        case _:
            raise error
    write = client.under_way
    if write is None:
        return said
    doubt = f"{write.method} {write.path} may have been carried out, or not: look before you do it again."
    return Failure(said.error, f"{doubt} {said.hint}".rstrip())


def own(code: str, message: str, hint: str) -> Failure:
    return Failure({"code": code, "message": message}, hint)


def _of_server(refused: Refused) -> Failure:
    results = refused.body.get("results") if isinstance(refused.body, dict) else None
    if isinstance(results, list):
        return _of_many(refused.status, [each for each in results if isinstance(each, dict)])
    error = {"status": refused.status, **refused.error}
    return Failure(error, NEXT.get(refused.code, "") or _said_by_the_server(error))


def _of_many(status: int, results: list[dict[str, Any]]) -> Failure:
    """Of a request for many that has done nothing: what each is refused for."""
    told = [f"{each.get('number', each.get('story_id'))}: {each.get('code')}, {each.get('reason')}" for each in results]
    more = f" And {len(told) - SHOWN} more." if len(told) > SHOWN else ""
    message = " ".join(told[:SHOWN]) + more
    return Failure({"status": status, "code": "nothing_done", "message": message, "results": results}, LEAVE_OUT)


def _said_by_the_server(error: Mapping[str, Any]) -> str:
    remediation = error.get("remediation")
    if isinstance(remediation, dict) and remediation.get("next_action"):
        return str(remediation["next_action"])
    hints = error.get("hints")
    if isinstance(hints, list) and hints:
        return " ".join(map(str, hints))
    details = error.get("details")
    return f"Mend: {details}" if details else ""
