"""The operator's subcommands as processes of their own, on a database that is given by its address."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from config.keys import generate_key, parse_keys
from eventstore.callers.superadmins import find_superadmin
from eventstore.heads.signing import current_checkpoint
from eventstore.keys.keyring import Keyring
from projections.inline import PROJECTIONS
from tests.eventstore.growing import grow
from tests.eventstore.tampering import put_back
from tests.support.database import PASSWORDS, TestDatabase, connected, session
from tests.support.running import CHECKOUT

BAD = 10


class Operator(Struct, frozen=True):
    database: TestDatabase
    keks: str
    peppers: str

    def run(self, *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
        """``without``: an environment variable that is left out."""
        given = {
            "LOOPCTL_APP_PASSWORD": PASSWORDS.app,
            "LOOPCTL_MIGRATOR_PASSWORD": PASSWORDS.migrator,
            "LOOPCTL_KEKS": self.keks,
            "LOOPCTL_PEPPERS": self.peppers,
        }
        ours = {name: value for name, value in given.items() if name != without}
        others = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
        command = [sys.executable, "-m", "operations", *arguments, "--database-url", self.database.admin_url]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=False, env={**others, **ours}
        )

    def said(self, *arguments: str, code: int = 0) -> Any:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (code, "")
        return json.loads(done.stdout)

    def tenant(self, slug: str) -> dict[str, Any]:
        said = self.said("create-tenant", "--name", "Acme", "--slug", slug, "--email", f"{slug}@example.com")
        made: dict[str, Any] = said["tenant"]
        return made

    async def administer(self, statement: str) -> None:
        async with session(self.database.admin_url) as connection:
            await connection.execute(statement)


@pytest.fixture
def operator(database: TestDatabase) -> Operator:
    return Operator(database, generate_key(), generate_key())


async def test_a_superadmin_key_is_shown_once_and_found_by_its_hash_alone(operator: Operator) -> None:
    made = operator.said("create-superadmin", "--name", "Ann")["api_key"]
    assert (made["role"], made["tenant_id"], made["name"]) == ("superadmin", None, "Ann")
    app = await connected(operator.database.app_url, role="loopctl_app")
    try:
        found = await find_superadmin(app, parse_keys(operator.peppers), made["raw_key"])
        assert found is not None
        assert (str(found.key_id), found.name) == (made["id"], "Ann")
        assert await find_superadmin(app, parse_keys(generate_key()), made["raw_key"]) is None
        revoked = operator.said("revoke-superadmin", made["key_prefix"])["superadmin"]
        assert (revoked["id"], revoked["revoked_at"] is None) == (made["id"], False)
        assert await find_superadmin(app, parse_keys(operator.peppers), made["raw_key"]) is None
    finally:
        await app.close()


def test_the_keys_of_superadmins_are_listed_and_one_of_them_is_revoked_for_good(operator: Operator) -> None:
    """Went red while the column for it was set by no command: who leaves kept their key."""
    ann, ben = (operator.said("create-superadmin", "--name", name)["api_key"] for name in ("Ann", "Ben"))
    first = operator.said("revoke-superadmin", ann["id"])
    assert operator.said("revoke-superadmin", ann["id"]) == first
    listed = operator.said("list-superadmins")["superadmins"]
    assert [(key["id"], key["name"], key["revoked_at"] is not None) for key in listed] == [
        (ann["id"], "Ann", True), (ben["id"], "Ben", False),
    ]  # fmt: skip
    assert "raw_key" not in listed[0]
    unknown = operator.run("revoke-superadmin", "lc_nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "list-superadmins tells" in unknown.stderr


def test_a_superadmin_needs_a_name(operator: Operator) -> None:
    blank = operator.run("create-superadmin", "--name", "  ")
    assert (blank.returncode, blank.stdout) == (1, "")
    assert "--name takes" in blank.stderr


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (("create-superadmin", "--name", "Ann"), "LOOPCTL_PEPPERS"),
        (("create-tenant", "--name", "Acme", "--slug", "acme", "--email", "a@acme.example"), "LOOPCTL_KEKS"),
    ],
)
def test_whoever_makes_keys_without_the_secrets_of_the_service_reads_where_they_are(
    operator: Operator, command: tuple[str, ...], variable: str
) -> None:
    refused = operator.run(*command, without=variable)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"without {variable}: give --data-dir" in refused.stderr


def test_tenants_are_listed(operator: Operator) -> None:
    slugs = {operator.tenant(slug)["slug"] for slug in ("acme", "other")}
    assert {tenant["slug"] for tenant in operator.said("list-tenants")["tenants"]} == slugs


async def test_a_read_model_that_differs_is_made_again_and_the_rows_are_counted(operator: Operator) -> None:
    operator.tenant("acme")
    assert operator.said("rebuild", "api_key")["tables"][0]["was_equal"]
    await operator.administer("UPDATE app.api_key SET name = 'other'")
    (found,) = operator.said("rebuild", "api_key", "--tenant", "acme", code=BAD)["tables"]
    assert (found["rows"], found["unexplained"], found["missing"]) == (1, 1, 1)
    assert operator.said("rebuild", "api_key")["tables"][0]["was_equal"]


async def test_without_a_name_every_read_model_is_made_again(operator: Operator) -> None:
    operator.tenant("acme")
    await operator.administer("UPDATE app.api_key SET name = 'other'; UPDATE app.tenant SET name = 'other'")
    said = operator.said("rebuild", code=BAD)
    wrong = {found["table"] for found in said["tables"] if not found["was_equal"]}
    assert (wrong, said["projections"]) == ({"app.api_key", "app.tenant"}, [each.name for each in PROJECTIONS])
    assert all(found["was_equal"] for found in operator.said("rebuild")["tables"])


async def test_fsck_names_what_is_wrong_and_in_which_log(operator: Operator) -> None:
    for slug in ("acme", "other"):
        operator.tenant(slug)
    assert operator.said("fsck")["verdict"] == "good"
    await operator.administer(
        "UPDATE app.log_head SET frontier = sha256(frontier) WHERE tenant_id ="
        " (SELECT tenant_id FROM app.tenant WHERE slug = 'acme')"
    )
    found = {log["tenant"]: log for log in operator.said("fsck", code=BAD)["logs"]}
    assert (found["acme"]["fault"]["place"], found["other"]["fault"]) == ("head row", None)
    assert operator.said("fsck", "--tenant", "other")["verdict"] == "good"


async def test_repair_makes_the_frontier_anew_and_refuses_where_entries_are_wrong(operator: Operator) -> None:
    operator.tenant("acme")
    await operator.administer("UPDATE app.log_head SET frontier = sha256(frontier)")
    (mended,) = operator.said("fsck", "--repair")["logs"]
    assert (mended["verdict"], mended["frontier"], mended["tiles"]) == ("repaired", True, [])
    assert operator.said("fsck", "--repair")["logs"][0]["verdict"] == "good"
    await operator.administer("UPDATE app.log_head SET last_leaf = sha256(last_leaf), frontier = sha256(frontier)")
    (refused,) = operator.said("fsck", "--repair", code=BAD)["logs"]
    assert (refused["verdict"], refused["fault"]["place"]) == ("refused", "head row")


async def test_an_interrupted_fsck_goes_on_from_what_it_has_kept(operator: Operator, tmp_path: Path) -> None:
    """The kept position is the one of a fault: the entries before it were good, and are not read again."""
    made = operator.tenant("acme")
    app = await connected(operator.database.app_url, role="loopctl_app")
    try:
        await grow(app, UUID(made["id"]), 800)
    finally:
        await app.close()
    damage = "UPDATE app.log_head SET last_leaf = {} WHERE size = 802"
    kept = tmp_path / "positions"
    await operator.administer(damage.format("sha256(last_leaf)"))
    operator.said("fsck", "--positions", str(kept), code=BAD)
    (position,) = json.loads(kept.read_bytes()).values()
    assert position["size"] == 768
    (log,) = operator.said("fsck", "--positions", str(kept), code=BAD)["logs"]
    assert log["first"] == 768


async def test_a_log_that_was_put_back_is_told_from_a_head_that_was_kept(operator: Operator, tmp_path: Path) -> None:
    tenant_id = UUID(operator.tenant("acme")["id"])
    kept = tmp_path / "head"
    asked = ("fsck", "--tenant", "acme", "--not-older-than", str(kept))
    app = await connected(operator.database.app_url, role="loopctl_app")
    try:
        await grow(app, tenant_id, 10)
        async with app.tenant_transaction(tenant_id) as tx:
            kept.write_bytes((await current_checkpoint(tx, Keyring(parse_keys(operator.keks)))).note)
        assert operator.said(*asked)["verdict"] == "good"
        await put_back(operator.database, app, tenant_id, 5, heads_too=True)
    finally:
        await app.close()
    assert operator.said("fsck")["verdict"] == "good", "nothing in the database can show it"
    assert operator.said(*asked, code=BAD)["logs"][0]["fault"]["code"] == "stale"


def test_what_cannot_be_done_is_one_sentence_and_exit_1(operator: Operator) -> None:
    for arguments, sentence in {
        ("fsck", "--not-older-than", "x"): "--not-older-than is the head of one log: say which with --tenant.",
        ("fsck", "--tenant", "nobody"): "There is no tenant nobody.",
        ("fsck", "--newest", "5", "--positions", "x"): "--newest begins where it has to: it cannot be resumed.",
    }.items():
        done = operator.run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"loopctl: {sentence}\n")


@pytest.mark.parametrize("arguments", [(), ("fsck", "--newest", "0"), ("rebuild", "nothing"), ("unheard-of",)])
def test_wrong_usage_is_exit_2(operator: Operator, arguments: tuple[str, ...]) -> None:
    assert operator.run(*arguments).returncode == 2
