"""A story: both statuses, criteria with their evidence, who did what, and everything that happened to it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, Struct, UnsetType

from api.audit.routes import show_history
from api.costs.usage import list_token_usage_of_story
from api.evidence.routes import list_evidence_of_story
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.lifecycle.records import list_artifacts_of_story, list_reviews_of_story, list_verifications_of_story
from api.lifecycle.runs import list_verification_runs_of_story
from api.pages import PageQuery
from api.paths import StoryPath
from api.projects.routes import show_project
from api.services import Provided
from api.stories.criteria import list_acceptance_criteria
from api.stories.reading import ShowQuery, show_story_by_id
from api.web.lineage import lineage_of
from api.web.names import agent_names
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import LANES, is_stale, lane_of

HUNDRED = PageQuery(page_size=100)
MOST_WAITED_FOR = 20


class StoryQuery(ShownQuery, frozen=True, kw_only=True):
    table: Annotated[
        Literal["history", "criteria", "evidence", "reviews", "verifications"],
        Meta(description="Which of the tables, as JSON or CSV"),
    ] = "history"
    at: Annotated[int, Meta(ge=0, description="A position in the log: the story as of then")] | UnsetType = UNSET


@get("/app/stories/{story_id:uuid}", opt=OF_SESSION, include_in_schema=False, summary="A story")
async def show_story_page(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    story_id: StoryPath,
    wanted: NamedDependency[StoryQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    story = (await reader.read(show_story_by_id, story_id=story_id, wanted=ShowQuery(at=wanted.at)))["story"]
    history = await reader.all(show_history, HUNDRED, story_id=story_id)
    at = None if wanted.at is UNSET else wanted.at
    records = {name: until(at, history, found) for name, found in (await _records(reader, story_id)).items()}
    if wanted.format != "html":
        evidence = [*_of_kind("run", records["runs"]), *_of_kind("artifact", records["artifacts"])]
        rows = {**records, "history": history, "evidence": evidence}[wanted.table]
        return table(rows, wanted.format, f"{wanted.table}-{story_id}")
    project = (await reader.read(show_project, project=story["project_id"]))["project"]
    now = services.utc_now()
    usage = await reader.read(list_token_usage_of_story, story_id=story_id, wanted=HUNDRED)
    names = await agent_names(reader)
    implementer, verifier = [
        await lineage_of(reader, story[f"{who}_dispatch_id"], names) for who in ("implementer", "verifier")
    ]
    return await shown(
        reader, sent_headers, "story.html", active=project["slug"], story=story, project=project, history=history,
        lane=lane_of(story), titles=LANES, stale=is_stale(story, now), names=names, at=at,
        replay=replay(history, at), usage=usage, implementer=implementer, verifier=verifier,
        waits_for=await _waited_for(reader, story), **records,
    )  # fmt: skip


def _of_kind(kind: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """With the members that both kinds of evidence have, so that they stand in one table."""
    return [
        {"kind": kind, "what": each.get("path") or each.get("commit_sha"), "status": each.get("status"),
         "by": each["reporter_agent_id"], "at": each["inserted_at"], "record": each}
        for each in records
    ]  # fmt: skip


class Replay(Struct, frozen=True):
    """Where a story is looked at, among the places of the log that are of it."""

    places: Sequence[int]
    shown: int
    """Which of them, from 0."""

    def beside(self, step: int) -> int | None:
        """The place before or after it."""
        there = 0 <= self.shown + step < len(self.places)
        return self.places[self.shown + step] if there else None


def replay(history: Sequence[Mapping[str, Any]], at: int | None) -> Replay:
    """At the newest entry, unless it is said where."""
    places = sorted(entry["position"] for entry in history)
    before = sum(place <= at for place in places) if at is not None else len(places)
    return Replay(places, max(before - 1, 0))


def until(at: int | None, history: Sequence[Mapping[str, Any]], found: Sequence[Any]) -> Sequence[Any]:
    """What was there at that place of the log: each record is written with an entry of its story."""
    if at is None:
        return found
    then = max((entry["inserted_at"] for entry in history if entry["position"] <= at), default="")
    return [each for each in found if each.get("inserted_at", "") <= then]


async def _waited_for(reader: Reader, story: Mapping[str, Any]) -> Sequence[Any]:
    """The stories that it waits for, by number and title."""
    ids = [UUID(each["depends_on_story_id"]) for each in story.get("dependencies", ())[:MOST_WAITED_FOR]]
    return [(await reader.read(show_story_by_id, story_id=each, wanted=ShowQuery()))["story"] for each in ids]


async def _records(reader: Reader, story_id: Any) -> Mapping[str, Sequence[Any]]:
    """What others have said of it, as far as the role may see it."""
    wanted = {
        "criteria": list_acceptance_criteria, "artifacts": list_artifacts_of_story, "reviews": list_reviews_of_story,
        "verifications": list_verifications_of_story, "runs": list_verification_runs_of_story,
        "evidence": list_evidence_of_story,
    }  # fmt: skip
    return {
        name: (await reader.read(route, story_id=story_id, wanted=HUNDRED))["data"] if reader.may(route) else []
        for name, route in wanted.items()
    }


ROUTES: Sequence[HTTPRouteHandler] = (show_story_page,)
