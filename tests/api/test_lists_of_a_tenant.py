"""Lists as the documents print them: stories without a project, the trail for orchestrators, shares of what is done."""

from typing import Any

import pytest

from projections.rows.epic_progress import percentage
from tests.api.logs import Service
from tests.api.team import team
from tests.api.work import Client, client


@pytest.fixture
async def ann(served: Service) -> Client:
    return await client(served)


async def test_stories_without_a_project_are_the_tenants_one_project_after_the_other(ann: Client) -> None:
    """Red: 400, while the landing page calls it so."""
    epics = [await ann.epic(await ann.project(f"p-{number}")) for number in range(3)]
    made = [[await ann.story(epic, number) for number in ("1.2", "1.1", "1.10")] for epic in epics]
    places: dict[str, int] = {}
    whole = (await ann.get("/stories")).json()
    assert whole["meta"]["total_count"] == 9
    for place, story in enumerate(whole["data"]):
        places[story["id"]] = place
    for second, first, last in made:
        assert places[last] == places[second] + 1 == places[first] + 2
    single = [(await ann.get(f"/stories?limit=1&offset={place}")).json()["data"][0]["id"] for place in range(9)]
    assert single == [story["id"] for story in whole["data"]]
    assert (await ann.get("/stories?limit=1&offset=20")).json()["meta"]["total_count"] == 9


async def test_each_filter_holds_for_a_whole_tenant(ann: Client, served: Service) -> None:
    epics = [await ann.epic(await ann.project(f"p-{number}")) for number in range(2)]
    first, other = [await ann.story(epic, "1.1") for epic in epics]
    await ann.story(epics[0], "1.2")
    for query, ids in {
        "number=1.1": {first, other},
        f"number=1.1&epic_id={epics[1]}": {other},
        "number=1.1&verified_status=verified": set(),
        "agent_status=pending&verified_status=rejected": set(),
    }.items():
        for more in ("", "&limit=1", "&limit=1&offset=9"):
            answer = (await ann.get(f"/stories?{query}{more}")).json()
            assert answer["meta"]["total_count"] == len(ids), query
            assert {story["id"] for story in answer["data"]} <= ids
        assert {story["id"] for story in (await ann.get(f"/stories?{query}")).json()["data"]} == ids
    pending = (await ann.get("/stories?agent_status=pending&verified_status=unverified&limit=1")).json()
    assert pending["meta"]["total_count"] == 3
    stranger = await client(served)
    assert (await stranger.get("/stories")).json()["data"] == []


async def test_an_orchestrator_reads_the_trail_without_keys_and_settings(served: Service) -> None:
    """Red: 403. An observer reads back what it has posted."""
    people = await team(served)
    ann, lead, worker = people.user, people.orchestrator, people.implementer
    await ann.project()
    await ann.patch("/tenants/me", {"settings": {"review_required": True}})
    said = (await lead.post("/audit/events", {"event": "rule_broken", "data": {"a": 1}})).json()["data"]
    (back,) = (await lead.get("/audit?action=observe.rule_broken")).json()["data"]
    assert back == said
    everything = (await ann.get("/audit?limit=100")).json()
    expected = [each for each in everything["data"] if not _is_secret(each)]
    assert len(expected) < len(everything["data"])
    seen = (await lead.get("/audit?limit=100")).json()
    assert seen["data"] == expected
    assert seen["meta"]["total_count"] == len(expected)
    for query in ("entity_type=api_key", "action=tenant_updated"):
        assert (await lead.get(f"/audit?{query}")).json()["meta"]["total_count"] == 0
        assert (await ann.get(f"/audit?{query}")).json()["meta"]["total_count"] > 0
    assert (await worker.get("/audit")).status == 403


def _is_secret(entry: Any) -> bool:
    return entry["entity_type"] == "api_key" or entry["action"] in ("tenant_updated", "key_rotated")


def test_a_share_is_whole_only_when_nothing_is_left_and_none_only_when_nothing_is_done() -> None:
    """Red: 1999 of 2000 were 100.0, and 1 of 3000 was 0.0."""
    assert [percentage(1999, 2000), percentage(1, 3000), percentage(10_000, 10_000)] == [99.9, 0.1, 100.0]
    for whole in (*range(1, 60), 1999, 2000, 2001, 10_000):
        for part in {0, 1, whole // 2, whole - 1, whole}:
            share = percentage(part, whole)
            assert (share == 100.0, share == 0.0) == (part == whole, part == 0)
            assert abs(share - 100 * part / whole) <= 0.1
    assert percentage(0, 0) == 0.0
