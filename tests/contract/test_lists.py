"""One rule for every list (spec 01, section 1.9): sizes, names of parameters, and what the answer says of its pages.

Red for ready and blocked stories, both histories, keys, dependencies and criteria, which had defaults of their own,
ignored ``limit``, or said nothing; and for records of a story, which counted nothing behind the last page.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from api.pages import LISTS, QUEUES, STORIES, Sizes
from tests.api.logs import service
from tests.contract.routes import V1, Route
from tests.contract.test_table import DOCUMENT, operation
from tests.contract.world import Wanted, World, by_name, fill, send, world
from tests.support.database import copied_database

OTHERS = {
    f"GET {V1}/webhooks/{{webhook_id}}/deliveries": Sizes(default=25),
    f"GET {V1}/stories": STORIES,
    f"GET {V1}/projects/{{project}}/ui-tests": Sizes(own="limit"),
    f"GET {V1}/stories/ready": QUEUES,
    f"GET {V1}/stories/blocked": QUEUES,
    f"GET {V1}/waiting": QUEUES,
    f"GET {V1}/knowledge/search": Sizes(default=10, most=50),
    f"GET {V1}/articles/{{article_id}}/links": Sizes(default=100),
}
NO_LISTS = {
    f"GET {V1}/changes": "goes on by position",
    f"GET {V1}/knowledge/analytics/top-articles": "the first lines",
    f"GET {V1}/knowledge/analytics/unused-articles": "the first lines",
    f"GET {V1}/articles/system": "two dozen, and always the same",
    f"GET {V1}/knowledge/context": "the best few, and as many as fit",
    f"GET {V1}/knowledge/ingestion-jobs": "the newest of a week",
    f"GET {V1}/projects/{{project}}/ci-stories": "those that were named",
    f"GET {V1}/audit/chain": "goes on by position",
    f"GET {V1}/audit/texts": "goes on by position",
    f"GET {V1}/webhooks/event-types": "a handful in all, and always the same",
    f"GET {V1}/tenants/{{tenant_id}}/audit_public_keys": "a handful in all, and public",
    f"GET {V1}/tenants/{{tenant_id}}/fork-proofs": "a handful in all, and public",
}
ALSO = {
    f"GET {V1}/knowledge/search": {"search_mode", "semantic_available", "fallback"},
    **{f"GET {V1}/projects/{{project}}/{name}": {"total"} for name in ("ui-tests", "ui_test_runs")},
}
"""What clients of one list know by another name as well."""
MEMBERS = {"page", "page_size", "total_count", "total_pages", "limit", "offset"}


def _is_list(found: Any) -> bool:
    body = found["responses"].get("200", {}).get("content", {}).get("application/json", {})
    examples = [each["value"] for each in body.get("examples", {}).values()]
    return any(isinstance(each, dict) and isinstance(each.get("data"), list) for each in examples)


NAMES = [
    f"GET {path}"
    for path, item in DOCUMENT["paths"].items()
    if "get" in item and _is_list(item["get"]) and f"GET {path}" not in NO_LISTS
]
EACH = pytest.mark.parametrize("route", [by_name(name) for name in NAMES], ids=lambda route: route.name)


class Asked(Struct, frozen=True):
    world: World
    route: Route
    wanted: Wanted

    async def meta(self, query: str) -> dict[str, int]:
        found: dict[str, int] = (await self.answer(query))["meta"]
        return found

    async def answer(self, query: str) -> Any:
        home, wanted = self.world.home, self.wanted
        path = wanted.path + ("&" if "?" in wanted.path else "?") + query
        answer = await send(home, self.route, Wanted(wanted.method, path, None, wanted.filled))
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture(scope="module")
async def here(postgres_admin_url: str, database_template: str) -> AsyncIterator[World]:
    async with copied_database(postgres_admin_url, database_template) as copied, service(copied) as started:
        yield await world(started, copied)


async def asked(here: World, route: Route) -> Asked:
    return Asked(here, route, await fill(here.home, route))


def sizes(route: Route) -> Sizes:
    return OTHERS.get(route.name, LISTS)


def test_most_lists_are_in_the_table_and_those_with_another_size_are_lists() -> None:
    assert len(NAMES) >= 16
    assert OTHERS.keys() <= {*NAMES}
    assert (LISTS.default, LISTS.most, QUEUES.default, QUEUES.most) == (20, 100, 100, 500)


@EACH
async def test_a_list_takes_every_name_of_a_page_and_says_all_of_it(here: World, route: Route) -> None:
    names = {each["name"] for each in operation(route)["parameters"] if each["in"] == "query"}
    assert names >= {"page", "page_size", "limit", "offset"}
    listed = await asked(here, route)
    whole, usual = await listed.answer("page=1"), sizes(route)
    assert whole["meta"].keys() - ALSO.get(route.name, set()) == MEMBERS
    assert isinstance(whole["data"], list)
    assert (whole["meta"]["page"], whole["meta"]["page_size"]) == (1, usual.default)
    for name in ("limit", "page_size"):
        assert (await listed.meta(f"{name}=3"))["page_size"] == 3
        assert (await listed.meta(f"{name}=9999"))["page_size"] == usual.most
    both = (await listed.meta("limit=2&page_size=3"))["page_size"]
    assert both == (2 if usual.own == "limit" else 3)


@EACH
async def test_a_page_behind_the_last_counts_what_the_first_counts(here: World, route: Route) -> None:
    listed = await asked(here, route)
    first, behind = await listed.meta("limit=1"), await listed.answer("limit=1&page=500")
    assert behind["data"] == []
    assert (behind["meta"]["total_count"], behind["meta"]["total_pages"]) == (first["total_count"],) * 2
    assert (behind["meta"]["page"], behind["meta"]["offset"]) == (500, 499)


async def test_pages_of_one_follow_each_other_without_gap(here: World) -> None:
    """Of what a story has: each kind of record, one at a time, is the list in one piece."""
    route = by_name(f"GET {V1}/projects/{{project}}/epics")
    for _ in range(3):
        await here.home.make("new_epic")
    listed = await asked(here, route)
    whole = (await listed.answer("limit=100"))["data"]
    single = [(await listed.answer(f"limit=1&page={page}"))["data"][0]["id"] for page in range(1, len(whole) + 1)]
    assert single == [each["id"] for each in whole]
