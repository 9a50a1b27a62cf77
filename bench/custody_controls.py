"""Controls of the custody machine: what once let somebody confirm their own work, on again. Each must be found.

The control of the bulk path is in `bench.custody`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any
from uuid import UUID

from msgspec import structs

from bench import custody_tenant
from domain.event import Recorded
from domain.lifecycle import evolve
from domain.lifecycle import implementer as working
from domain.story import Story, StoryImported, update_story


@contextmanager
def replaced(module: ModuleType, name: str, instead: Any) -> Iterator[None]:
    original: Any = getattr(module, name)
    setattr(module, name, instead)
    try:
        yield
    finally:
        setattr(module, name, original)


def authors_forgotten() -> AbstractContextManager[None]:
    """Work that comes in as done has no author; of what is imported as reported, the key alone counts, by lineage."""

    def authored(recorded: Recorded, event: Any) -> dict[str, Any]:
        unverified = isinstance(event, StoryImported) and event.verified_status != "verified"
        return {"implementer_lineage": (UUID(recorded.actor[0].partition(":")[2]),)} if unverified else {}

    return replaced(evolve, "authored", authored)


def forgotten_by_rejection() -> AbstractContextManager[None]:
    """A rejection clears who did the work."""
    return replaced(evolve, "VOID", {**evolve.VOID, **evolve.NEW_ROUND})


def kept_by_rejection() -> AbstractContextManager[None]:
    """A rejection leaves the report and its review as they are."""
    return replaced(evolve, "VOID", {})


def verified_taken_back() -> AbstractContextManager[None]:
    """Force-unclaim does not look at whether the story is verified."""
    original = working.force_unclaim

    def force_unclaim(story: Story, *rest: Any) -> Any:
        return original(structs.replace(story, verified_status="unverified"), *rest)

    return replaced(working, "force_unclaim", force_unclaim)


def contracted_criteria_frozen() -> AbstractContextManager[None]:
    """Criteria of a verified story are frozen only while its contract stands."""

    def forgetful(story: Story, *rest: Any) -> Any:
        return update_story(structs.replace(story, touched=False, review_position=None), *rest)

    return replaced(custody_tenant, "update_story", forgetful)


CONTROLS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "no author of what comes in as done": authors_forgotten,
    "a rejection forgets who did the work": forgotten_by_rejection,
    "a rejection keeps the review": kept_by_rejection,
    "force-unclaim of verified stories": verified_taken_back,
    "criteria are frozen by a contract alone": contracted_criteria_frozen,
}
