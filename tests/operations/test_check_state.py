"""The operator records what the read models come to, and anybody replays an export against it (spec 05, R17)."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.log.export import export_bundle
from api.log.reading import LogReader
from config.keys import generate_key
from operations.__main__ import main
from tests.api.logs import KEYRING, Service, service
from tests.api.test_short_way import every_transition
from tests.api.work import Client, client
from tests.support.database import PASSWORDS, TestDatabase, copied_database, session

BAD = 10


@pytest.fixture(scope="module")
async def here(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Where the log is written."""
    async with copied_database(postgres_admin_url, database_template) as made:
        yield made


@pytest.fixture(scope="module")
async def elsewhere(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """An auditor's, where the read models are empty."""
    async with copied_database(postgres_admin_url, database_template) as made:
        yield made


@pytest.fixture
async def running(here: TestDatabase) -> AsyncIterator[Service]:
    async with service(here) as started:
        yield started


class Terminal:
    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        for name, value in (("APP", PASSWORDS.app), ("MIGRATOR", PASSWORDS.migrator)):
            monkeypatch.setenv(f"LOOPCTL_{name}_PASSWORD", value)
        monkeypatch.setenv("LOOPCTL_PEPPERS", generate_key())

    async def said(self, on: TestDatabase, *arguments: str, code: int = 0) -> Any:
        """The JSON, or the sentence."""
        found = await asyncio.to_thread(main, [*arguments, "--database-url", on.admin_url])
        printed = self._capsys.readouterr()
        assert found == code, printed.err
        return json.loads(printed.out) if printed.out else printed.err


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(capsys, monkeypatch)


async def slug(who: Client) -> str:
    return str((await who.get("/tenants/me")).json()["tenant"]["slug"])


async def exported(who: Client, file: Path) -> str:
    reader = LogReader(who.service.store.database, KEYRING, None)
    file.write_bytes(b"".join([block async for block in export_bundle(reader, who.tenant)]))
    return str(file)


async def test_an_export_replayed_into_empty_read_models_comes_to_the_digests_in_it(
    running: Service, here: TestDatabase, elsewhere: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    user = (await every_transition(running)).team.user
    (recorded,) = (await terminal.said(here, "record-digest", "--tenant", await slug(user)))["digests"]
    assert (recorded["recorded"], recorded["position"]) == (True, recorded["size"])
    file = await exported(user, tmp_path / "log.tar")
    said = await terminal.said(elsewhere, "check-state", "--export", file)
    (found,) = said["logs"]
    assert (said["verdict"], found["digests"], found["equal"]) == ("good", 1, len(recorded["tables"]))
    assert (found["other"], found["unknown"], found["altered"]) == ([], [], [])
    async with session(elsewhere.admin_url) as connection:
        left = await connection.fetchval("SELECT (SELECT count(*) FROM app.story) + count(*) FROM app.log_entry")
    assert left == 0


async def test_a_digest_of_altered_rows_is_not_what_the_export_comes_to(
    running: Service, here: TestDatabase, elsewhere: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    """The control, and the live rows beside it."""
    user = (await every_transition(running)).team.user
    name = await slug(user)
    async with session(here.admin_url) as connection:
        story = await connection.fetchval(
            "UPDATE app.story SET title = 'Other' WHERE tenant_id = $1 AND number = '1.1' RETURNING story_id",
            user.tenant,
        )
    live = (await terminal.said(here, "check-state", "--tenant", name, code=BAD))["logs"][0]
    (altered,) = live["altered"]
    assert (altered["table"], altered["keys"], live["other"]) == ("app.story", [str(story)], [])
    await terminal.said(here, "record-digest", "--tenant", name)
    said = await terminal.said(
        elsewhere, "check-state", "--export", await exported(user, tmp_path / "log.tar"), code=BAD
    )
    (other,) = said["logs"][0]["other"]
    assert (other["table"], other["rows"], other["rows_logged"]) == ("app.story", 7, 7)


async def test_a_digest_that_is_asked_for_is_recorded_however_little_has_come(
    running: Service, here: TestDatabase, terminal: Terminal
) -> None:
    user = await client(running)
    name = await slug(user)
    first = (await terminal.said(here, "record-digest", "--tenant", name))["digests"][0]
    again = (await terminal.said(here, "record-digest", "--tenant", name))["digests"][0]
    assert (first["recorded"], again["recorded"], again["size"]) == (True, True, first["size"] + 1)
    assert (await terminal.said(here, "check-state", "--tenant", name))["logs"][0]["digests"] == 2


async def test_what_cannot_be_checked_is_said_in_a_sentence(
    running: Service, here: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    user = await client(running)
    file = await exported(user, tmp_path / "log.tar")
    assert "leave --export away" in await terminal.said(here, "check-state", "--export", file, code=1)
    assert "an export says itself" in await terminal.said(
        here, "check-state", "--tenant", "acme", "--export", file, code=1
    )
    assert "go with --export" in await terminal.said(here, "check-state", "--vkey", "x+y", code=1)
    assert "--vkey takes" in await terminal.said(here, "check-state", "--export", file, "--vkey", "x+y", code=1)
    assert "there is no bundle" in await terminal.said(here, "check-state", "--export", f"{tmp_path}/none", code=1)
    (tmp_path / "log.tar").write_bytes(b"nothing")
    assert "cut off" in await terminal.said(here, "check-state", "--export", file, code=1)


async def test_an_export_with_a_changed_entry_is_bad_before_anything_is_replayed(
    running: Service, elsewhere: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    file = await exported(await client(running), tmp_path / "log.tar")
    raw = Path(file).read_bytes()
    Path(file).write_bytes(raw.replace(b'"name":"Acme"', b'"name":"Acne"'))
    said = await terminal.said(elsewhere, "check-state", "--export", file, code=BAD)
    assert (said["verdict"], said["fault"]["place"]) == ("bad", "entry 0")


async def test_an_export_is_compared_as_far_as_its_texts_are_given_and_erased_ones_are_not(
    running: Service, here: TestDatabase, elsewhere: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    user = await client(running)
    epic = await user.epic(await user.project())
    for number in ("1.1", "1.2"):
        await user.story(epic, number, description=f"text of {number}")
    name, texts = await slug(user), tmp_path / "texts.json"
    await terminal.said(here, "record-digest", "--tenant", name)
    file = await exported(user, tmp_path / "log.tar")
    said = await terminal.said(here, "export-texts", "--tenant", name)
    assert [b64decode(each["payload"]) for each in said["texts"]] == [
        b'{"description":"text of 1.1"}', b'{"description":"text of 1.2"}',
    ]  # fmt: skip
    texts.write_text(json.dumps(said))
    unknown = [
        (await terminal.said(elsewhere, "check-state", "--export", file, *given))["logs"][0]["unknown"]
        for given in ((), ("--texts", str(texts)))
    ]
    assert unknown == [["app.story_text"], []]
    first = said["texts"][0]["position"]
    assert (await user.post(f"/audit/entries/{first}/erase", {"reason": "asked for"})).status == 200
    file = await exported(user, tmp_path / "log.tar")
    said = await terminal.said(here, "export-texts", "--tenant", name)
    assert [each["position"] for each in said["texts"]] == [first + 1]
    texts.write_text(json.dumps(said))
    found = await terminal.said(elsewhere, "check-state", "--export", file, "--texts", str(texts))
    assert (found["verdict"], found["logs"][0]["unknown"]) == ("good", ["app.story_text"])


async def test_a_text_that_is_not_the_one_of_the_log_is_named(
    running: Service, here: TestDatabase, elsewhere: TestDatabase, terminal: Terminal, tmp_path: Path
) -> None:
    user = await client(running)
    project = await user.project(description="as it was")
    name = await slug(user)
    file, texts = await exported(user, tmp_path / "log.tar"), tmp_path / "texts.json"
    async with session(here.admin_url) as connection:
        position = await connection.fetchval(
            "UPDATE app.payload SET payload = replace(convert_from(payload, 'UTF8'), 'was', 'is')::bytea"
            " WHERE tenant_id = $1 RETURNING position",
            user.tenant,
        )
    live = (await terminal.said(here, "check-state", "--tenant", name, code=BAD))["logs"][0]
    assert (live["altered_texts"], live["altered"][0]["keys"]) == ([position], [project])
    texts.write_text(json.dumps(await terminal.said(here, "export-texts", "--tenant", name)))
    told = await terminal.said(elsewhere, "check-state", "--export", file, "--texts", str(texts), code=1)
    assert f"entry {position}" in told
    texts.write_text("[]")
    told = await terminal.said(elsewhere, "check-state", "--export", file, "--texts", str(texts), code=1)
    assert "holds no texts" in told


HEAP = "SELECT pg_read_binary_file(pg_relation_filepath($1::text::regclass))"
HELD_IT = ("app.payload", "app.story_text", "app.idempotency")


async def test_no_byte_of_an_erased_text_is_left_in_the_tables_once_they_are_scrubbed(
    running: Service, here: TestDatabase, terminal: Terminal
) -> None:
    """The control: VACUUM alone leaves the bytes in their pages."""
    user, secret = await client(running), "call me on 555-0199"
    epic = await user.epic(await user.project())
    body = {"number": "1.1", "title": "S", "description": secret}
    assert (await user.post(f"/epics/{epic}/stories", body, Idempotency_Key="once")).status == 201
    position = max(position for position, (tag, _) in enumerate(await user.recorded()) if tag == "story.created")
    assert (await user.post(f"/audit/entries/{position}/erase", {"reason": "asked for"})).status == 200
    assert {"app.payload", "app.story_text"} <= {*await left(here, secret, vacuumed=True)}
    await terminal.said(here, "scrub")
    assert await left(here, secret) == []
    assert (await user.get(f"/audit/receipts/{position}")).status == 200


async def left(database: TestDatabase, secret: str, *, vacuumed: bool = False) -> list[str]:
    """Tables whose files hold it."""
    async with session(database.admin_url) as connection:
        for table in HELD_IT if vacuumed else ():
            await connection.execute(f"VACUUM {table}")
        await connection.execute("CHECKPOINT")
        return [table for table in HELD_IT if secret.encode() in await connection.fetchval(HEAP, table)]
