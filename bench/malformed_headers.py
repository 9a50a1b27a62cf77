"""The headers of custody in hostile forms, each with every route: refused with a sentence, and nothing comes of it.

`make soak ARGS=malformed_headers`. The requests are those of the contract tests, each of which would succeed. In the
control nobody looks at what clients say of heads.
"""

import asyncio
import base64
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec
from msgspec import Struct, field

from bench.custody_http_controls import heads_unheard
from bench.malformed_keyed import migrated
from config.logs import configure
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import call, service
from tests.contract.routes import ROUTES, STREAM, Route
from tests.contract.world import Side, Wanted, fill, world
from tests.support.cluster import own_postgres
from tests.support.database import TestDatabase

ROOT = "A" * 43
LONG = "A" * 6000
HEADS: Mapping[str, Sequence[str]] = {
    "Loopctl_Witness": (
        "", " ", "size", "size=1", "size=01; root=" + ROOT + "; key=00c0ffee", f"size=1; root={ROOT}=; key=00c0ffee",
        f"size=1;  root={ROOT}; key=00c0ffee", f"size=1; root={ROOT[:-1]}B; key=00c0ffee", f"size=1; root={ROOT}",
        f"size=-1; root={ROOT}; key=00c0ffee", f"size={'9' * 400}; root={ROOT}; key=00c0ffee",
        f"size=1; root={ROOT}; key=00C0FFEE", f"size=\xb2; root={ROOT}; key=00c0ffee", "\xff\xfe", LONG,
        f"size=1; root={ROOT}; key=00c0ffee, size=1; root={ROOT}; key=00c0ffee",
        f"size=999999999999999999; root={ROOT}; key=00c0ffee", f"size=1; root={ROOT}; key=00c0ffee",
        f"size=0; root={ROOT}; key=00c0ffee", f"size=1; root={ROOT}; key=00c0ffee; cosig=",
        f"size=1; root={ROOT}; key=00c0ffee; cosig={'A' * 102}",
        f"size=1; root={ROOT}; key=00c0ffee; cosig={'_' * 102}",
    ),
    "X_Loopctl_Last_Known_STH": (
        "", ":", "1", "1:", "1:A", "01:" + "A" * 22, "-1:" + "A" * 22, "1:" + "A" * 23, "1:" + "+" * 22, "\xff",
        "9" * 400 + ":" + "A" * 22, "1:" + "A" * 22 + "===", "1:" + "\xe9" * 22, LONG, "999999999999999999:" + "A" * 22,
    ),
    "Loopctl_Witness_Note": (
        "", "%", "=", "A", "\xff", "AA==AA", LONG, base64.urlsafe_b64encode(b"\xff" * 90).decode(),
        base64.urlsafe_b64encode(b"a\n1\n" + b"\n" * 900).decode(), "e30", "bnVsbA",
        base64.urlsafe_b64encode("x\n0\nAAAA\n\n\N{EM DASH} x AAAAAAAA\n".encode()).decode(),
    ),
}  # fmt: skip
"""What no client has seen: refused by every route of a tenant."""
OTHERS: Mapping[str, Sequence[str]] = {
    "X_Loopctl_STH_Bootstrap": ("", "false", "\xff", LONG),
    "Loopctl_Assertion": (
        "", "%", "\xff", "e30", "W10", "bnVsbA", "IiI", "MQ", LONG,
        base64.urlsafe_b64encode(msgspec.json.encode({"credential_id": 1, "signature": {}})).decode(),
        base64.urlsafe_b64encode(msgspec.json.encode(dict.fromkeys(
            ("credential_id", "authenticator_data", "client_data_json", "signature"), "A"
        ))).decode(),
    ),
    "Loopctl_Ceremony": (
        "", "x", "\xff", "0" * 32, "{00000000-0000-0000-0000-000000000000}", LONG,
        "00000000-0000-0000-0000-000000000000", "019a0000-0000-7000-8000-000000000000",
    ),
    "X_Loopctl_Capability": (
        "", "x", "\xff", "{}", LONG, "00000000-0000-0000-0000-000000000000", "019a0000-0000-7000-8000-000000000000",
    ),
}  # fmt: skip
"""What counts for some routes: where it does not, the request succeeds."""
FORMS = [(name, value) for forms in (HEADS, OTHERS) for name, values in forms.items() for value in values]
ONE_WAY = ("audit/export", "suspend", "clear-halt", "PATCH /api/v1/admin", "/recovery")
"""What comes in pieces, would end the campaign, or is for few requests a tenant."""
STATE = """
    SELECT coalesce(sum(size), 0) AS size, count(custody_halted_at) AS halted
      FROM app.log_head JOIN app.tenant USING (tenant_id)
"""


class Report(Struct):
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def asked_routes() -> list[Route]:
    return [route for route in ROUTES if route.name != STREAM and not any(part in route.name for part in ONE_WAY)]


class Campaign(Struct, frozen=True):
    """``outside`` sees what a refused request must leave as it was."""

    home: Side
    outside: "asyncpg.Connection[asyncpg.Record]"
    report: Report

    async def run(self, every: int) -> None:
        number = 0
        for route in asked_routes():
            wanted = await fill(self.home, route)
            for form in FORMS:
                number += 1
                if number % every == 0:
                    await self._try(route, wanted, *form)

    async def _try(self, route: Route, wanted: Wanted, name: str, value: str) -> None:
        before = await self._state()
        answer = await _send(self.home, route, wanted, {**wanted.headers, name: value})
        after = await self._state()
        self.report.sent += 1
        self.report.statuses[answer.status] += 1
        problem = _problem(answer) or _consequence(answer, before, after)
        if name in HEADS and not route.public and not route.admin and answer.status < 400:
            problem = problem or "let in"
        if problem:
            told = f"{answer.status} {answer.body[:200]!r}"
            self.report.failures.append(f"{problem}: {route.name} with {name}: {value[:60]!r}: {told}")

    async def _state(self) -> tuple[int, int]:
        row = await self.outside.fetchrow(STATE)
        assert row is not None
        return int(row["size"]), int(row["halted"])


async def campaign(database: TestDatabase, every: int = 1) -> Report:
    """With every ``every``-th pair of a route and a form."""
    outside = await asyncpg.connect(database.admin_url, timeout=5, command_timeout=10)
    try:
        async with service(database) as served:
            made = Campaign((await world(served, database)).home, outside, Report())
            await made.run(every)
    finally:
        await outside.close()
    return made.report


async def _send(home: Side, route: Route, wanted: Wanted, headers: Mapping[str, str]) -> Answer:
    app = home.team.user.service.app
    if not route.who:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if wanted.body is None else msgspec.json.encode(wanted.body)
        return await ask(app, wanted.path, method=wanted.method, headers={**JSON, **named}, body=body)
    who = "implementer" if route.who == "fresh_agent" else route.who
    return await call(app, home.caller(who).raw, wanted.path, wanted.method, wanted.body, **headers)


def _problem(answer: Answer) -> str:
    if answer.status >= 500 and answer.status != 501:
        return "5xx"
    if answer.status < 400:
        return ""
    body = answer.json() if answer.body else {}
    said = body.get("error") if isinstance(body, dict) else None
    if isinstance(said, dict) and said.get("code") and said.get("message"):
        return ""
    return "" if isinstance(body, dict) and isinstance(body.get("results"), list) else "no sentence"


def _consequence(answer: Answer, before: tuple[int, int], after: tuple[int, int]) -> str:
    if after[1] > before[1]:
        return "halted"
    refused = answer.status >= 400 and answer.json().get("error", {}).get("code") in UNWRITTEN
    return "half made" if refused and after != before else ""


UNWRITTEN = (
    "witness_header_malformed", "witness_divergence_unproven", "witness_ahead_unproven", "witness_evidence_invalid",
    "witness_cosignature_invalid",
    "webauthn_required", "webauthn_failed", "cap_rejected", "invalid_capability", "missing_capability",
)  # fmt: skip
"""Refusals that leave no event."""


async def _run(url: str) -> int:
    async with migrated(url) as database:
        began = time.monotonic()
        report = await campaign(database)
        print(f"{report.sent} requests in {time.monotonic() - began:.0f} s: {dict(sorted(report.statuses.items()))}")
        print(f"  failures {len(report.failures)}", *report.failures[:10], sep="\n  ")
        with heads_unheard():
            control = await campaign(database, 97)
        print(f"control: {len(control.failures)} of {control.sent} were let in{'' if control.failures else ': GREEN'}")
    return 0 if not report.failures and control.failures else 1


def main(_: Sequence[str]) -> int:
    configure("bench", "error")
    with tempfile.TemporaryDirectory(prefix="loopctl-headers-") as folder, own_postgres(Path(folder)) as url:
        return asyncio.run(_run(url))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
