"""A text that was recorded is erased: nobody reads it again, and everything that the log has signed still verifies."""

import asyncio
from base64 import b64decode
from io import BytesIO
from typing import Any

import msgspec
import pytest

from api.log.export import export_bundle
from api.log.reading import LogReader
from domain.story import StoryCreated
from eventstore.database.owning import owner_rehearsal
from eventstore.log.read import read_events
from loopctl.audit.archive import read_tar
from loopctl.audit.expected import Expected
from loopctl.audit.report import text
from loopctl.audit.verify import verify
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.hashing import payload_commitment
from projections.inline import PROJECTIONS
from projections.state_check import check_state
from tests.api.logs import KEYRING, Service, service
from tests.api.team import work
from tests.api.test_state_digests import record
from tests.api.touching import person
from tests.api.work import Client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase, connected, session

SECRET = 'Ann\'s "number" is 555-0199 \u2603'
GONE = "[erased]"


async def entry_of(who: Client, tag: str) -> int:
    """The position of the newest event of that tag."""
    tags = [each for each, _ in await who.recorded()]
    return max(position for position, each in enumerate(tags) if each == tag)


async def erase(who: Client, position: int, reason: str = "a person asked for it", **headers: str) -> Any:
    return await who.post(f"/audit/entries/{position}/erase", {"reason": reason}, **headers)


async def story(who: Client, **more: Any) -> str:
    return await who.story(await who.epic(await who.project()), "1.1", description=SECRET, **more)


async def bundle(who: Client) -> list[tuple[str, bytes]]:
    reader = LogReader(who.service.store.database, KEYRING, None)
    blocks = b"".join([block async for block in export_bundle(reader, who.tenant)])
    return [*read_tar(BytesIO(blocks))]


async def shown(who: Client, project: str) -> str:
    """Everything that routes say of it."""
    story_id = (await who.get(f"/stories?project_id={project}")).json()["data"][0]
    story_id = story_id.get("story", story_id)["id"]
    paths = (
        f"/stories/{story_id}", f"/stories/{story_id}/history", f"/projects/{project}/export", "/changes?after=0",
        "/audit?page_size=100", "/audit/chain?limit=100",
    )  # fmt: skip
    return "".join([(await who.get(path)).body.decode() for path in paths])


async def test_an_erased_text_is_read_nowhere_and_the_log_still_verifies(ann: Client, served: Service) -> None:
    epic = await ann.epic(project := await ann.project(), 1)
    await ann.story(epic, "1.1", description=SECRET)
    assert encoded(SECRET) in await shown(ann, project)
    position = await entry_of(ann, "story.created")
    receipt = (await ann.get(f"/audit/receipts/{position}")).body
    answer = await erase(ann, position)
    assert (answer.status, answer.json()["data"]["members"]) == (200, ["description"])
    seen = await shown(ann, project)
    assert encoded(SECRET) not in seen
    assert GONE in seen
    assert (await ann.get(f"/audit/receipts/{position}")).body[:100] == receipt[:100]
    members = await bundle(ann)
    assert not any(encoded(SECRET).encode() in data for _, data in members)
    report = verify(members, Expected(form=True))
    assert (report.verdict, report.fault) == ("good", None)
    assert (report.checked.payloads, report.checked.payloads_erased, report.erased) == (1, 1, (position,))
    assert f"1 erased (of entries {position})" in text(report)


def encoded(secret: str) -> str:
    """As it stands in JSON."""
    return msgspec.json.encode(secret).decode()[1:-1]


async def test_the_log_never_has_the_text_and_its_commitment_hides_it(ann: Client, served: Service) -> None:
    """R16: the same event twice gives different leaves, and different commitments."""
    epic = await ann.epic(await ann.project(), 1)
    for number in ("1.1", "1.2"):
        await ann.story(epic, number, description=SECRET)
    async with served.store.database.tenant_transaction(ann.tenant) as tx:
        rows = await tx.fetch(COMMITTED, ann.tenant)
    assert len(rows) == 2
    for row in rows:
        entry = decode_entry(row["entry"])
        assert encoded(SECRET).encode() not in row["entry"]
        assert entry.value()["description"] == GONE
        assert entry.commit == payload_commitment(row["salt"], row["payload"])
        assert msgspec.json.decode(row["payload"]) == {"description": SECRET}
    assert len({row["salt"] for row in rows} | {decode_entry(row["entry"]).commit for row in rows}) == 4


COMMITTED = """
    SELECT e.entry, p.salt, p.payload
      FROM app.log_entry AS e
      JOIN app.payload AS p ON p.tenant_id = $1 AND p.position = e.position
     WHERE e.tenant_id = $1
"""


async def test_a_rebuild_makes_the_same_without_the_text_and_a_digest_from_before_is_not_compared_with_it(
    ann: Client, served: Service, log_of_module: TestDatabase
) -> None:
    await story(ann)
    before = await record(served, ann.tenant)
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    await record(served, ann.tenant)
    async with owner_rehearsal(log_of_module.migrator_url, ann.tenant) as tx:
        found = await check_state(tx, served.store.codec, PROJECTIONS)
    assert found.is_good
    unknown = [(each.size, each.table) for each in found.digests if each.verdict != "equal"]
    assert unknown == [(before, "app.story_text")]
    assert all(each.was_equal for each in await rebuilt(log_of_module, ann.tenant))


async def made(who: Client, kind: str, project: str) -> tuple[str, str, str]:
    """A path that shows a new thing with a text, and the tag of its event."""
    match kind:
        case "project":
            return f"/projects/{await who.project('other', description=SECRET)}", "project.created", "description"
        case "epic":
            return f"/epics/{await who.epic(project, 7, description=SECRET)}", "epic.created", "description"
        case "observation":
            assert (await who.post("/audit/events", {"event": "seen", "data": {"text": SECRET}})).status == 201
            return "/audit?action=observe.seen", "audit.observed", "data"
        case _:
            epic = await who.epic(project, 8)
            path = f"/stories/{await who.story(epic, '8.1', description='first')}"
            assert (await who.patch(path, {"description": SECRET})).status == 200
            return path, "story.updated", "description"


@pytest.mark.parametrize("kind", ["project", "epic", "observation", "update"])
async def test_each_text_that_can_be_erased_is(ann: Client, log_of_module: TestDatabase, kind: str) -> None:
    """In the feed too, which keeps what it has sent."""
    path, tag, member = await made(ann, kind, await ann.project())
    assert encoded(SECRET).encode() in (await ann.get(path)).body
    await ann.get("/changes?after=0")
    answer = await erase(ann, await entry_of(ann, tag))
    assert (answer.status, member in answer.json()["data"]["members"]) == (200, True)
    for each in (path, "/changes?after=0"):
        assert encoded(SECRET).encode() not in (await ann.get(each)).body
    assert b"erased" in (await ann.get(path)).body
    assert all(each.was_equal for each in await rebuilt(log_of_module, ann.tenant))


async def test_a_saved_state_is_erased(served: Service, log_of_module: TestDatabase) -> None:
    loop = await work(served, "1.1")
    path = f"/orchestrator/state/{loop.project}"
    lead = loop.team.orchestrator
    assert (await lead.send("PUT", path, {"state_data": {"note": SECRET}})).status == 200
    assert (await erase(loop.team.user, await entry_of(loop.team.user, "orchestrator_state.saved"))).status == 200
    for each in (path, f"{path}/history"):
        assert encoded(SECRET).encode() not in (await lead.get(each)).body
    assert (await lead.get(path)).json()["state"]["state_data"] == {"erased": True}
    assert all(each.was_equal for each in await rebuilt(log_of_module, loop.team.user.tenant))


async def test_the_text_of_a_verified_story_is_erased_and_the_story_stays_verified(
    served: Service, log_of_module: TestDatabase
) -> None:
    loop = await work(served, "1.1")
    user, team = loop.team.user, loop.team
    assert (await user.patch(f"/stories/{loop.stories['1.1']}", {"description": SECRET})).status == 200
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    await loop.verifies("1.1")
    before = await user.shown(loop.stories["1.1"])
    assert (await erase(user, await entry_of(user, "story.updated"))).status == 200
    assert await user.shown(loop.stories["1.1"]) == {**before, "description": GONE}
    assert before["verified_status"] == "verified"
    assert all(each.was_equal for each in await rebuilt(log_of_module, user.tenant))


async def test_the_text_of_a_deleted_story_is_erased(ann: Client, log_of_module: TestDatabase) -> None:
    story_id = await story(ann)
    assert (await ann.delete(f"/stories/{story_id}")).status == 204
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    assert (await ann.get(f"/stories/{story_id}")).status == 404
    assert all(each.was_equal for each in await rebuilt(log_of_module, ann.tenant))


async def test_the_texts_of_an_import_are_kept_beside_the_log_and_erased_one_by_one(
    ann: Client, log_of_module: TestDatabase
) -> None:
    stories = [{"number": f"1.{number}", "title": "S", "description": f"{SECRET} {number}"} for number in (1, 2)]
    project = await ann.project()
    body = {"project": {"name": "P"}, "epics": [{"number": 1, "title": "E", "stories": stories}]}
    assert (await ann.post(f"/projects/{project}/import", body)).status == 201
    assert (await erase(ann, await entry_of(ann, "story.imported"))).status == 200
    shown = (await ann.get(f"/projects/{project}/export")).json()
    assert [each["description"] for each in shown["epics"][0]["stories"]] == [f"{SECRET} 1", GONE]
    assert all(each.was_equal for each in await rebuilt(log_of_module, ann.tenant))


async def test_a_text_does_not_come_back_with_what_its_lane_remembers(ann: Client) -> None:
    """Went red without `forgets`: the lane went on from the state that it knew, and wrote the text again."""
    path = f"/stories/{await story(ann)}"
    assert (await ann.patch(path, {"estimated_hours": "1"})).status == 200
    texts = [position for position, (tag, _) in enumerate(await ann.recorded()) if tag.startswith("story.")]
    assert [(await erase(ann, position)).status for position in texts] == [200, 200]
    assert (await ann.patch(path, {"estimated_hours": "2"})).status == 200
    assert (await ann.get(path)).json()["story"]["description"] == GONE
    assert encoded(SECRET).encode() not in (await ann.get("/audit?page_size=100")).body


async def test_a_text_does_not_come_back_with_what_processes_remember(
    ann: Client, served: Service, log_of_module: TestDatabase
) -> None:
    """Went red while the row of the story itself was left as it was: kept bodies went on being sent."""
    async with service(log_of_module) as second:
        elsewhere = Client(second, ann.tenant, ann.raw)
        project = await ann.project()
        path = f"/stories/{await ann.story(await ann.epic(project), '1.1', description=SECRET)}"
        for hours, each in (("1", ann), ("2", elsewhere)):
            assert (await each.patch(path, {"estimated_hours": hours})).status == 200
            await shown(each, project)
        texts = [position for position, (tag, _) in enumerate(await ann.recorded()) if tag.startswith("story.")]
        assert [(await erase(ann, position)).status for position in texts] == [200, 200, 200]
        for each in (ann, elsewhere):
            assert encoded(SECRET) not in await shown(each, project)
        for hours, each in (("3", ann), ("4", elsewhere)):
            assert (await each.patch(path, {"estimated_hours": hours})).status == 200
        for each in (ann, elsewhere):
            assert encoded(SECRET) not in await shown(each, project)
            assert (await each.get(path)).json()["story"]["description"] == GONE


async def test_an_answer_that_was_kept_with_the_text_is_kept_without_it(ann: Client) -> None:
    epic = await ann.epic(await ann.project())
    body = {"number": "1.1", "title": "S", "description": SECRET}
    made = await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="once")
    assert (made.status, encoded(SECRET).encode() in made.body) == (201, True)
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    again = await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="once")
    assert (again.status, again.body) == (201, b"{}")


async def test_an_answer_to_a_change_that_changed_nothing_is_kept_without_the_text_too(ann: Client) -> None:
    """It has no event, and so no place in the log."""
    path = f"/stories/{await story(ann)}"
    first = await ann.send("PATCH", path, {"title": "Story 1.1"}, Idempotency_Key="nothing")
    assert (first.status, encoded(SECRET).encode() in first.body) == (200, True)
    assert "Loopctl-Position" not in first.headers, "the control: nothing was recorded"
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    again = await ann.send("PATCH", path, {"title": "Story 1.1"}, Idempotency_Key="nothing")
    assert (again.status, again.body) == (200, b"{}")


@pytest.mark.parametrize("said", ['["Ann", "555-0199"]', '{"Ann":"555-0199"}', '"555-0199"', "5550199"])
async def test_a_text_that_reads_as_json_leaves_kept_answers_as_others_do(ann: Client, said: str) -> None:
    epic = await ann.epic(await ann.project())
    body = {"number": "1.1", "title": "S", "description": said}
    assert (await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="once")).status == 201
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    assert (await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="once")).body == b"{}"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/webhooks", {"url": "https://hooks.example.com/x", "events": ["story.verified"]}, "story.verified"),
        ("/api_keys", {"name": "k", "role": "user"}, "user"),
    ],
)
async def test_a_secret_is_shown_again_although_its_answer_has_an_erased_word(
    ann: Client, path: str, body: Any, said: str
) -> None:
    """Went red, with 500, while every answer with the word was made empty."""
    await ann.story(await ann.epic(await ann.project()), description=said)
    made = await ann.post(path, body, Idempotency_Key="once")
    assert (made.status, encoded(said).encode() in made.body) == (201, True)
    assert (await erase(ann, await entry_of(ann, "story.created"))).status == 200
    assert (await ann.post(path, body, Idempotency_Key="once")).json() == made.json()


DELIVERED = """
    INSERT INTO app.webhook_delivery (
           tenant_id, webhook_id, position, event_type, subject_id, state, body, created_at)
    SELECT $1, gen_random_uuid(), given.position, 'story.created', gen_random_uuid(), 'delivered', given.body, now()
      FROM unnest($2::bigint[], $3::bytea[]) AS given (position, body)
"""


async def test_the_body_of_a_delivery_is_forgotten_and_those_of_others_are_not(
    ann: Client, served: Service, log_of_module: TestDatabase
) -> None:
    await story(ann)
    position = await entry_of(ann, "story.created")
    async with session(log_of_module.admin_url) as connection:
        await connection.execute(DELIVERED, ann.tenant, [position, 0], [SECRET.encode(), b"another"])
    assert (await erase(ann, position)).status == 200
    async with served.store.database.tenant_transaction(ann.tenant) as tx:
        rows = await tx.fetch(
            "SELECT body FROM app.webhook_delivery WHERE tenant_id = $1 ORDER BY position", ann.tenant
        )
    assert [row["body"] for row in rows] == [b"another", None]


async def test_texts_are_fetched_page_by_page_and_an_erased_one_is_not_among_them(ann: Client) -> None:
    epic = await ann.epic(await ann.project())
    for number in (1, 2, 3):
        await ann.story(epic, f"1.{number}", description=f"text {number}")
    first = (await ann.get("/audit/texts?limit=2")).json()
    rest = (await ann.get(f"/audit/texts?limit=2&after={first['next_after']}")).json()
    assert [first["has_more"], rest["has_more"]] == [True, False]
    texts = [b64decode(each["payload"]) for each in (*first["texts"], *rest["texts"])]
    assert texts == [b'{"description":"text %d"}' % number for number in (1, 2, 3)]
    assert (await erase(ann, first["texts"][0]["position"])).status == 200
    left = [each["position"] for each in (await ann.get("/audit/texts")).json()["texts"]]
    assert left == [each["position"] for each in (*first["texts"][1:], *rest["texts"])]


async def test_followers_read_the_texts_as_long_as_they_are_there(ann: Client, log_of_module: TestDatabase) -> None:
    """With the rights of a worker."""
    await story(ann)
    position = await entry_of(ann, "story.created")
    worker = await connected(log_of_module.worker_url, role="loopctl_worker")
    try:
        seen = []
        for _ in range(2):
            async with worker.tenant_transaction(ann.tenant) as tx:
                (event,) = await read_events(tx, ann.service.store.codec, position, 1)
            assert isinstance(event.event, StoryCreated)
            seen.append(event.event.description)
            await erase(ann, position)
    finally:
        await worker.close()
    assert seen == [SECRET, GONE]


async def test_what_cannot_be_erased_is_refused_in_words(ann: Client, bob: Client) -> None:
    await story(ann)
    position = await entry_of(ann, "story.created")
    blank = await erase(ann, position, " ")
    assert (blank.status, blank.error["details"]) == (422, {"reason": ["can't be blank"]})
    long = await erase(ann, position, "x" * 256)
    assert (long.status, list(long.error["details"])) == (422, ["reason"])
    nothing = await erase(ann, 0)
    assert (nothing.status, nothing.error["code"]) == (422, "nothing_to_erase")
    assert (await erase(ann, 1 << 40)).status == 404
    assert (await erase(bob, position)).status == 404
    assert (await erase(ann, position)).status == 200
    twice = await erase(ann, position)
    assert (twice.status, twice.error["code"]) == (409, "payload_erased")


async def test_of_many_who_erase_the_same_text_at_once_in_two_processes_one_does(
    ann: Client, log_of_module: TestDatabase
) -> None:
    await story(ann)
    position = await entry_of(ann, "story.created")
    async with service(log_of_module) as second:
        asking = [ann, Client(second, ann.tenant, ann.raw)] * 16
        statuses = [answer.status for answer in await asyncio.gather(*(erase(who, position) for who in asking))]
    assert (statuses.count(200), statuses.count(409)) == (1, 31)
    assert [tag for tag, _ in await ann.recorded()].count("payload.erased") == 1


async def test_a_text_is_erased_by_a_person_with_a_touch(served: Service) -> None:
    ann = await person(served)
    await story(ann.user)
    position = await entry_of(ann.user, "story.created")
    path, body = f"/audit/entries/{position}/erase", {"reason": "asked for"}
    assert (await ann.user.post(path, body)).error["code"] == "webauthn_required"
    assert (await ann.send("POST", path, body)).status == 200
    tags = [tag for tag, _ in await ann.user.recorded()]
    assert tags[-2:] == ["authenticator.asserted", "payload.erased"]


async def test_agents_erase_nothing(served: Service) -> None:
    loop = await work(served, "1.1")
    for who in (loop.team.implementer, loop.team.orchestrator):
        assert (await erase(who, 0)).status == 403
