"""What the contracts name and this version does not do says so, to those who may come in."""

import re
from typing import Any
from uuid import UUID

import pytest
from litestar import get

from api.not_built import NOT_BUILT
from domain.caller import NO_TENANT, Caller, Role
from tests.api.asgi import JSON, ask, made
from tests.contract.appendix_a import NOT_SERVED, SERVED, Line, lines
from tests.contract.routes import ROUTES

LATER = [line for text in NOT_SERVED.values() for line in lines(text)]
SOME_ID = "0193a2b4-ffff-7000-8000-00000000000f"


async def known(raw: str) -> Caller:
    """The key is the name of its role."""
    role = Role(raw)
    tenant = NO_TENANT if role == Role.SUPERADMIN else UUID(int=1)
    return Caller(
        tenant_id=tenant, key_id=UUID(int=2), key_name=raw, role=role, agent_id=UUID(int=3),
        superadmin=role == Role.SUPERADMIN,
    )  # fmt: skip


def allowed(access: str) -> list[Role]:
    if access in ("public", "any"):
        return list(Role)
    if access.startswith("="):
        return [Role(name) for name in access[1:].split(",")]
    return [role for role in Role if role.rank >= Role(access[:-1]).rank]


async def asked(app: Any, line: Line, raw: str | None, body: bytes | None = None) -> tuple[int, str]:
    headers = {**({"Authorization": f"Bearer {raw}"} if raw else {}), **(JSON if body else {})}
    path = line.path.replace("{}", SOME_ID)
    answer = await ask(app, path, method=line.method, headers=headers, body=body)
    return answer.status, answer.error["code"]


@pytest.fixture(scope="module")
def app() -> Any:
    return made(find_caller=known)


@pytest.mark.parametrize("line", LATER, ids=lambda line: f"{line.method} {line.path}")
async def test_it_is_said_to_be_not_built_and_first_of_all_who_may_ask(app: Any, line: Line) -> None:
    """Went red for every line while each was 404, as if the path were wrong."""
    if line.access != "public":
        assert await asked(app, line, None) == (401, "unauthorized")
    for role in [role for role in Role if role != Role.SUPERADMIN or line.access == "=superadmin"]:
        expected = (501, "not_built") if role in allowed(line.access) else (403, "insufficient_role")
        assert await asked(app, line, role.value, b"{}") == expected, role


def test_what_the_contracts_name_is_served_or_not_built_and_nothing_is_both() -> None:
    served = {f"{route.method} {without_names(route.path)}" for route in ROUTES}
    named = {f"{line.method} {line.path}" for line in (*lines(SERVED), *LATER)}
    unbuilt = {
        f"{method} {without_names(path)}"
        for handler in NOT_BUILT
        for path in handler.paths
        for method in handler.http_methods
    }
    assert served & unbuilt == set()
    assert named - served - unbuilt == set()


async def test_the_list_of_routes_and_the_document_have_only_what_is_built() -> None:
    listed = (await ask(made(), "/api/v1/routes")).json()["routes"]
    assert not any("admin/audit" in each["path"] for each in listed)
    assert b"/admin/audit" not in (await ask(made(), "/api/v1/openapi")).body


async def test_two_handlers_of_one_path_stop_the_start() -> None:
    """The control: a route that was built and still has its line is found."""

    @get("/api/v1/admin/audit", opt={"access": "=superadmin"}, summary="Built")
    async def admin_audit() -> None: ...

    with pytest.raises(Exception, match="admin"):
        made(admin_audit)


def without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


async def test_what_is_not_built_is_named(app: Any) -> None:
    path = "/api/v1/token-usage"
    answer = await ask(app, path, headers={"Authorization": "Bearer orchestrator"})
    assert (answer.error["code"], f"GET {path}" in answer.error["message"]) == ("not_built", True)
