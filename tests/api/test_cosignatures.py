"""Agents sign the heads of the log that they have seen, on their normal requests, each with a key of its own."""

import base64
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from eventstore.heads.cosignatures import LATEST_SECONDS, MOST_SHOWN
from loopctl.cosigning import AgentCosigner
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.keys import first_key
from loopctl.tlog.note import parse_note
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.asgi import Answer, ask
from tests.api.logs import NOON, call, service
from tests.api.team import Team, team, worker
from tests.api.work import Client
from tests.support.database import TestDatabase, copied_database

AT = NOON.timestamp()


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


class Signed(Struct, frozen=True):
    """A tenant whose implementer has a key of its own, and the head of its log."""

    team: Team
    head: Checkpoint
    cosigner: AgentCosigner
    log: str
    """The vkey of the log."""

    async def says(self, cosig: str, who: Client | None = None) -> Answer:
        root = base64.urlsafe_b64encode(self.head.root).rstrip(b"=").decode()
        claim = f"size={self.head.size}; root={root}; key=00c0ffee; cosig={cosig}"
        raw = (who or self.team.implementer).raw
        return await call(self.team.user.service.app, raw, "/api/v1/tenants/me", Loopctl_Witness=claim)

    async def shown(self) -> Any:
        at = self.head.size - 1
        return (await self.team.user.get(f"/audit/sth/{self.team.user.tenant}?at={at}")).json()["data"]

    def another(self, agent: str = "", key: bytes | None = None, at: float = AT) -> AgentCosigner:
        agent = agent or self.team.agents["implementer"]
        return AgentCosigner(self.head.origin, agent, key or secrets.token_bytes(32), lambda: at)


@pytest.fixture
async def signed(shared: TestDatabase) -> AsyncIterator[Signed]:
    async with service(shared) as running:
        people = await team(running)
        user, agent = people.user, people.agents["implementer"]
        log = (await user.get(f"/tenants/{user.tenant}/audit_public_keys")).json()["data"][0]["vkey"]
        cosigner = AgentCosigner(parse_vkey(log).name, agent, secrets.token_bytes(32), lambda: AT)
        assert (await takes(user, agent, cosigner)).status == 200
        await user.get("/audit/proof?kind=consistency&first=1")
        note = (await user.get(f"/audit/sth/{user.tenant}")).json()["data"]["note"]
        yield Signed(people, parse_checkpoint(parse_note(note.encode()).text), cosigner, log)


async def takes(user: Client, agent: str, cosigner: AgentCosigner, instead: Any = None) -> Answer:
    body = {"cosigner": cosigner.vkey, "cosigner_proof": cosigner.proof}
    return await user.patch(f"/agents/{agent}", {**body, **(instead or {})})


async def test_a_cosignature_on_a_normal_request_is_checked_kept_and_shown_with_the_head(signed: Signed) -> None:
    assert (await signed.says(signed.cosigner.cosig(signed.head))).status == 200
    head = await signed.shown()
    (shown,) = head["cosignatures"]
    assert shown == {
        "agent_id": signed.team.agents["implementer"], "vkey": signed.cosigner.vkey,
        "cosigned_at": "2026-03-27T12:00:00Z",
    }  # fmt: skip
    trust = Trust(first_key(parse_vkey(signed.log)), (parse_vkey(signed.cosigner.vkey),), quorum=1)
    assert open_checkpoint(head["note"].encode(), trust).checkpoint == signed.head


async def test_the_newest_head_as_a_note_has_the_line_too(signed: Signed) -> None:
    await signed.says(signed.cosigner.cosig(signed.head))
    answer = await ask(signed.team.user.service.app, f"/t/{signed.team.user.tenant}/checkpoint")
    names = [line.name for line in parse_note(answer.body).lines]
    assert names == [signed.head.origin, parse_vkey(signed.cosigner.vkey).name]


async def test_the_first_cosignature_of_an_agent_stays(signed: Signed) -> None:
    first = signed.cosigner.cosig(signed.head)
    later = AgentCosigner(
        signed.head.origin, signed.team.agents["implementer"], signed.cosigner._private_key.private_bytes_raw(),
        lambda: AT + 60,
    ).cosig(signed.head)  # fmt: skip
    for cosig in (first, first, later):
        assert (await signed.says(cosig)).status == 200
    assert [each["cosigned_at"] for each in (await signed.shown())["cosignatures"]] == ["2026-03-27T12:00:00Z"]


async def test_what_is_no_cosignature_of_this_head_by_this_agent_is_refused_kept_nowhere_and_halts_nothing(
    signed: Signed,
) -> None:
    good = signed.cosigner.cosig(signed.head)
    other_head = Checkpoint(signed.head.origin, signed.head.size, b"\1" * 32)
    private = signed.cosigner._private_key.private_bytes_raw()
    wrong = {
        "by another key": signed.another().cosig(signed.head),
        "of another head": signed.cosigner.cosig(other_head),
        "from the future": signed.another(key=private, at=AT + LATEST_SECONDS + 1).cosig(signed.head),
        "of no time": base64.urlsafe_b64encode(decoded(good)[:4] + bytes(8) + decoded(good)[12:]).rstrip(b"=").decode(),
        "a bit of it changed": good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:],
    }
    for what, cosig in wrong.items():
        answer = await signed.says(cosig)
        assert (answer.status, answer.error["code"]) == (400, "witness_cosignature_invalid"), what
    assert (await signed.says(good, signed.team.reviewer)).error["code"] == "witness_cosignature_invalid", "of another"
    assert (await signed.shown())["cosignatures"] == []
    tenant = (await signed.team.user.get("/tenants/me")).json()["tenant"]
    assert tenant["custody_halted_at"] is None
    assert (await signed.says(good)).status == 200, "the control"


async def test_one_that_cannot_be_read_is_a_malformed_header(signed: Signed) -> None:
    good = signed.cosigner.cosig(signed.head)
    for cosig in ("", good[:-1], good + "A", good[:-1] + "!", good[:-1] + ("B" if good[-1] != "B" else "C")):
        answer = await signed.says(cosig)
        assert (answer.status, answer.error["code"]) == (412, "witness_header_malformed"), cosig


async def test_a_wrong_claim_is_refused_whoever_has_cosigned_it(signed: Signed) -> None:
    other = Checkpoint(signed.head.origin, signed.head.size, b"\1" * 32)
    answer = await Signed(signed.team, other, signed.cosigner, signed.log).says(signed.cosigner.cosig(other))
    assert (answer.status, answer.error["code"]) == (409, "witness_divergence_unproven")


async def test_a_tenant_that_looks_at_no_heads_keeps_no_cosignatures(signed: Signed) -> None:
    settings = {"settings": {"witness_mode": "off"}}
    assert (await signed.team.user.patch("/tenants/me", settings)).status == 200
    assert (await signed.says(signed.another().cosig(signed.head))).status == 200
    assert (await signed.shown())["cosignatures"] == []


async def test_a_key_is_taken_from_a_user_alone_and_only_from_whoever_has_it(signed: Signed) -> None:
    agent, user = signed.team.agents["reviewer"], signed.team.user
    own, stranger = signed.another(agent), signed.another(agent)
    for who in (signed.team.reviewer, signed.team.orchestrator):
        assert (await takes(who, agent, own)).status == 403
    for wrong in (
        {"cosigner_proof": stranger.proof}, {"cosigner_proof": ""}, {"cosigner": "x"}, {"cosigner": signed.log},
        {"cosigner": signed.cosigner.vkey, "cosigner_proof": signed.cosigner.proof},
    ):  # fmt: skip
        answer = await takes(user, agent, own, wrong)
        assert (answer.status, answer.error["code"]) == (422, "validation_failed"), wrong
    answer = await takes(user, agent, own)
    assert (answer.status, answer.json()["agent"]["cosigner"]) == (200, own.vkey)
    assert ("agent.updated", own.vkey) in [
        (tag, getattr(event, "cosigner", None)) for tag, event in await user.recorded()
    ]  # fmt: skip


async def test_two_agents_do_not_sign_with_one_key(signed: Signed) -> None:
    private = signed.cosigner._private_key.private_bytes_raw()
    agent = signed.team.agents["reviewer"]
    answer = await takes(signed.team.user, agent, signed.another(agent, private))
    assert (answer.status, answer.error["details"]) == (
        422, {"cosigner": ["is the key of another agent: each has its own"]}
    )  # fmt: skip
    own = signed.another(agent)
    assert (await takes(signed.team.user, agent, own)).status == 200, "the control"


async def test_under_another_key_what_was_signed_before_stays(signed: Signed) -> None:
    agent = signed.team.agents["implementer"]
    await signed.says(signed.cosigner.cosig(signed.head))
    newer = signed.another()
    assert (await takes(signed.team.user, agent, newer)).status == 200
    assert (await signed.says(signed.cosigner.cosig(signed.head))).status == 400
    assert [each["vkey"] for each in (await signed.shown())["cosignatures"]] == [signed.cosigner.vkey]


async def test_a_head_has_lines_of_the_first_agents_and_no_more_than_a_note_can_have(signed: Signed) -> None:
    agents: dict[str, str] = {}
    for number in range(MOST_SHOWN + 2):
        who = await worker(signed.team.user, f"w{number}", agents)
        cosigner = signed.another(agents[f"w{number}"])
        assert (await takes(signed.team.user, agents[f"w{number}"], cosigner)).status == 200
        assert (await signed.says(cosigner.cosig(signed.head), who)).status == 200
    shown = await signed.shown()
    assert len(shown["cosignatures"]) == MOST_SHOWN
    assert len(parse_note(shown["note"].encode()).lines) == MOST_SHOWN + 1


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
