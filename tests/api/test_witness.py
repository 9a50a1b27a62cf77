"""Clients say which head they have seen: what is told of a log on each answer, and what halts it (spec 05, 5)."""

import base64
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from msgspec import Struct

from api.http import witness
from bench.custody_team import Impersonating
from eventstore.heads.log_keys import log_signers
from loopctl.audit.fork import judge_fork
from loopctl.tlog.checkpoint import make_checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.signer import LogSigner, sign_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.asgi import Answer
from tests.api.logs import KEYRING, call, service
from tests.api.superadmins import superadmin
from tests.api.team import Work, work
from tests.support.database import TestDatabase, copied_database


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


class Watched(Struct, frozen=True):
    """A tenant with work under way, and the head that its log has now."""

    work: Work
    size: int
    root: bytes
    note: bytes

    async def get(self, **headers: str) -> Answer:
        team = self.work.team
        return await call(team.user.service.app, team.implementer.raw, "/api/v1/tenants/me", **headers)

    async def halted(self) -> str | None:
        found: str | None = (await self.work.team.user.get("/tenants/me")).json()["tenant"]["custody_halted_at"]
        return found

    async def signs(self) -> None:
        """A head of the log as it is now, without waiting for it."""
        assert (await self.work.team.user.get("/audit/proof?kind=consistency&first=1")).status == 200

    async def set(self, mode: str) -> None:
        answer = await self.work.team.user.patch("/tenants/me", {"settings": {"witness_mode": mode}})
        assert answer.status == 200, answer.body

    async def signers(self, size: int) -> Sequence[LogSigner]:
        """Whoever has the log's key: the server itself, or who has stolen it."""
        team = self.work.team
        async with team.user.service.store.database.tenant_transaction(team.user.tenant) as tx:
            return await log_signers(tx, KEYRING, size)

    async def forged(self, size: int, root: bytes = b"\1" * 32) -> bytes:
        """A head that the log's own key has signed, and that its history contradicts."""
        origin = parse_checkpoint(parse_note(self.note).text).origin
        return sign_checkpoint(make_checkpoint(origin, size, root), await self.signers(size)).encode()


@pytest.fixture
async def watched(shared: TestDatabase) -> AsyncIterator[Watched]:
    async with service(shared) as running:
        made = await work(running)
        await made.works(made.team.implementer, "1.1")
        await made.team.user.get("/audit/proof?kind=consistency&first=1")
        head = (await made.team.user.get(f"/audit/sth/{made.team.user.tenant}")).json()["data"]
        yield Watched(made, head["size"], unpadded(head["merkle_root"]), head["note"].encode())


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claim(size: int, root: bytes) -> dict[str, str]:
    return {"Loopctl_Witness": f"size={size}; root={encoded(root)}; key=00c0ffee"}


def told(answer: Answer) -> tuple[int, str]:
    """Status, and the code of a refusal."""
    return answer.status, "" if answer.status < 400 else answer.error["code"]


async def test_every_answer_with_a_key_tells_the_newest_head(watched: Watched) -> None:
    for answer in (await watched.get(), await watched.work.team.implementer.get("/audit?x=1")):
        assert answer.headers["loopctl-head"] == f"size={watched.size}; root={encoded(watched.root)}"
        position, _, mark = answer.headers["x-loopctl-current-sth"].partition(":")
        assert (int(position), len(mark)) == (watched.size - 1, 22)


async def test_what_was_told_is_a_good_claim_in_both_forms(watched: Watched) -> None:
    answer = await watched.get()
    assert (await watched.get(**claim(watched.size, watched.root))).status == 200
    assert (await watched.get(X_Loopctl_Last_Known_STH=answer.headers["x-loopctl-current-sth"])).status == 200
    assert (await watched.get(X_Loopctl_Last_Known_STH=answer.headers["x-loopctl-current-sth"] + "==")).status == 200


async def test_an_older_head_stays_a_good_claim(watched: Watched) -> None:
    older = claim(watched.size, watched.root)
    await watched.work.reviews(watched.work.team.reviewer, "1.1")
    await watched.signs()
    assert f"size={watched.size};" not in (await watched.get()).headers["loopctl-head"]
    assert (await watched.get(**older)).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Loopctl_Witness": "size=3; root=AAAA; key=00c0ffee"}, "witness_header_malformed"),
        ({"Loopctl_Witness": f"size=03; root={'A' * 43}; key=00c0ffee"}, "witness_header_malformed"),
        ({"Loopctl_Witness": f"size=3; root={'A' * 42}B; key=00c0ffee"}, "witness_header_malformed"),
        ({"Loopctl_Witness": ""}, "witness_header_malformed"),
        ({"X_Loopctl_Last_Known_STH": "5:"}, "witness_header_malformed"),
        ({"X_Loopctl_Last_Known_STH": "5:A"}, "witness_header_malformed"),
        ({"X_Loopctl_Last_Known_STH": f"x:{'A' * 22}"}, "witness_header_malformed"),
        ({"X_Loopctl_Last_Known_STH": "5"}, "witness_header_malformed"),
        ({"Loopctl_Witness_Note": "!"}, "witness_header_malformed"),
    ],
)
async def test_a_header_that_cannot_be_read_is_said_to_be_so(
    watched: Watched, headers: dict[str, str], code: str
) -> None:
    answer = await watched.get(**headers)
    assert told(answer) == (412, code)
    assert "loopctl-head" in answer.headers, "and what would have been right"


async def test_another_root_is_refused_and_halts_nothing(watched: Watched) -> None:
    assert told(await watched.get(**claim(watched.size, b"\1" * 32))) == (409, "witness_divergence_unproven")
    assert told(await watched.get(**claim(watched.size - 1, watched.root))) == (409, "witness_divergence_unproven")
    assert told(await watched.get(X_Loopctl_Last_Known_STH=f"{watched.size - 1}:{'B' * 22}")) == (
        409, "witness_divergence_unproven"
    )  # fmt: skip
    assert await watched.halted() is None


async def test_a_head_beyond_the_log_is_refused_and_halts_nothing(watched: Watched) -> None:
    assert told(await watched.get(**claim(watched.size + 100, watched.root))) == (409, "witness_ahead_unproven")
    assert await watched.halted() is None


async def test_who_has_seen_no_head_yet_says_so(watched: Watched) -> None:
    assert (await watched.get(X_Loopctl_Last_Known_STH=witness.NO_HEAD_YET)).status == 200


async def test_a_tenant_can_require_the_header(watched: Watched) -> None:
    await watched.set("required")
    assert told(await watched.get()) == (428, "witness_header_missing")
    assert (await watched.get(X_Loopctl_STH_Bootstrap="true")).headers["x-loopctl-current-sth"]
    assert (await watched.get(**claim(watched.size, watched.root))).status == 200


async def test_a_tenant_can_leave_it_unlooked_at(watched: Watched) -> None:
    await watched.set("off")
    assert (await watched.get(**claim(1, b"\1" * 32))).status == 200


async def test_a_note_by_another_key_is_no_evidence(watched: Watched) -> None:
    shown = await watched.forged(watched.size)
    broken = shown[:-20] + b"AAAA" + shown[-16:]
    for note in (b"", b"\xff", b"none", broken, shown.replace(b"/t/", b"/u/")):
        answer = await watched.get(Loopctl_Witness_Note=encoded(note))
        assert told(answer) == (400, "witness_evidence_invalid"), note
    assert await watched.halted() is None


async def test_a_note_that_the_log_extends_is_good(watched: Watched) -> None:
    await watched.work.reviews(watched.work.team.reviewer, "1.1")
    await watched.signs()
    assert (await watched.get(Loopctl_Witness_Note=encoded(watched.note))).status == 200


@pytest.mark.parametrize(("ahead", "verdict"), [(0, "fork"), (-2, "fork"), (5, "rollback")])
async def test_a_signed_head_that_contradicts_the_log_halts_custody_and_the_proof_is_checked_offline(
    watched: Watched, ahead: int, verdict: str
) -> None:
    answer = await watched.get(Loopctl_Witness_Note=encoded(await watched.forged(watched.size + ahead)))
    assert told(answer) == (409, "witness_divergence")
    assert await watched.halted() is not None
    user = watched.work.team.user
    (proof,) = (await user.get(f"/tenants/{user.tenant}/fork-proofs")).json()["data"]
    assert proof["evidence"] == answer.error["evidence"]
    vkey = parse_vkey((await user.get(f"/tenants/{user.tenant}/audit_public_keys")).json()["data"][0]["vkey"])
    assert judge_fork(msgspec.json.encode(proof["proof"]), [vkey]).verdict == verdict


async def test_in_a_halt_no_step_is_taken_and_everything_can_be_read_until_it_is_cleared(watched: Watched) -> None:
    shown = encoded(await watched.forged(watched.size))
    assert told(await watched.get(Loopctl_Witness_Note=shown))[0] == 409
    team = watched.work.team
    assert told(await watched.work.do(team.reviewer, "1.1", "report")) == (503, "tenant_halted")
    imported = {"epics": [{"number": 9, "title": "E", "stories": [{"number": "9.1", "title": "S"}]}]}
    assert told(await team.user.post(f"/projects/{watched.work.project}/import", imported)) == (503, "tenant_halted")
    story = watched.work.stories["1.1"]
    for path in (
        "/stories",
        "/changes?since=2020-01-01T00:00:00Z",
        "/audit/chain",
        "/audit/export",
        f"/stories/{story}/log-proof",
    ):
        assert (await team.user.get(path)).status == 200, path
    assert told(await team.implementer.post("/tenants/me/clear-halt", {"reason": "x"})) == (403, "insufficient_role")
    assert told(await team.user.post("/tenants/me/clear-halt", {})) == (422, "validation_failed")
    assert (await team.user.post("/tenants/me/clear-halt", {"reason": "The key was stolen; rotated."})).status == 200
    assert (await watched.work.do(team.reviewer, "1.1", "report")).status == 200
    assert told(await watched.get(Loopctl_Witness_Note=shown)) == (409, "witness_divergence"), "it is no better now"
    assert await watched.halted() is None, "and was looked at"
    actions = [each["action"] for each in (await team.user.get("/audit?entity_type=tenant")).json()["data"]]
    assert {"custody_halted", "halt_cleared"} <= {*actions}


async def test_a_head_can_be_shown_in_a_body_as_well(watched: Watched) -> None:
    async def shows(note: str) -> Answer:
        return await watched.work.team.implementer.post("/audit/witness", {"note": note})

    answer = await shows(watched.note.decode())
    assert (answer.status, answer.json()) == (200, {"data": {"size": watched.size, "verdict": "extended"}})
    assert told(await shows("")) == (422, "validation_failed")
    for note in ("none", watched.note.decode().replace("/t/", "/u/"), "é\n\n"):
        assert told(await shows(note))[0] == 400, note
    await watched.set("off")
    assert (await shows(watched.note.decode())).status == 200
    assert await watched.halted() is None
    forged = (await watched.forged(watched.size)).decode()
    assert told(await shows(forged)) == (409, "witness_divergence")
    assert await watched.halted() is not None
    assert told(await shows(forged)) == (409, "witness_divergence"), "also in a halt, and nothing more comes of it"
    assert (await shows(watched.note.decode())).status == 200


async def test_in_a_halt_a_superadmin_imports_nothing_either(watched: Watched, shared: TestDatabase) -> None:
    """Went red while nobody looked at the tenant for superadmins."""
    user = watched.work.team.user
    _, root = await superadmin(shared)
    inside = Impersonating(user.service, user.tenant, root, "user")
    path, body = f"/projects/{watched.work.project}/import", {"epics": [{"number": 9, "title": "E", "stories": []}]}
    assert told(await watched.get(Loopctl_Witness_Note=encoded(await watched.forged(watched.size))))[0] == 409
    assert told(await inside.post(path, body)) == (503, "tenant_halted")
    assert (await user.post("/tenants/me/clear-halt", {"reason": "The key was stolen; rotated."})).status == 200
    assert (await inside.post(path, body)).status == 201


async def test_an_attempt_to_confirm_ones_own_work_halts_custody_where_the_tenant_wants_it(watched: Watched) -> None:
    team, settings = watched.work.team, {"settings": {"halt_on_self_attempt": True}}
    assert told(await watched.work.do(team.implementer, "1.1", "report")) == (409, "self_report_blocked")
    assert await watched.halted() is None, "unless it says so, only the attempt is recorded"
    assert (await team.user.patch("/tenants/me", settings)).status == 200
    assert told(await watched.work.do(team.implementer, "1.1", "report")) == (409, "self_report_blocked")
    assert await watched.halted() is not None
    assert told(await watched.work.do(team.reviewer, "1.1", "report")) == (503, "tenant_halted")
    assert (await team.user.post("/tenants/me/clear-halt", {"reason": "It was a slip of the agent."})).status == 200
    assert (await watched.work.do(team.reviewer, "1.1", "report")).status == 200
