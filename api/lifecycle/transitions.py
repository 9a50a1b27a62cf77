"""One story, one transition: how every route of the lifecycle, single or bulk, gets to its decision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response
from msgspec import Struct

from api.commands import Commands, Known, Plan, existing
from api.http.asking import Asking
from api.services import Services
from api.stories.schemas import story_body
from domain.errors import Conflict, CustodyViolation
from domain.event import Event, Recorded, Stream
from domain.lifecycle.completion import completes, confirms
from domain.lifecycle.events import CustodyViolated
from domain.lifecycle.identity import Identity, identity_of
from domain.lifecycle.implementer import check_active
from domain.lifecycle.next_actions import NextAction, next_actions
from domain.lifecycle.repeated import already_holds
from domain.story import Story
from domain.tenant_settings import TenantSettings, read_settings
from eventstore.log.command import Change, Need, Refusal, Reply


class Asked(Struct, frozen=True):
    """What a transition is decided on, besides what it needs of its own."""

    story: Story
    who: Identity
    policy: TenantSettings
    known: Known


Decision = Callable[[Asked], Sequence[Event]]
"""Events of the story's own stream. Raises Rejected."""
Body = Callable[[Asked, Sequence[Recorded]], Mapping[str, Any]]


class Transition(Struct, frozen=True, kw_only=True):
    """``action`` as clients spell it. ``beside`` are changes in other streams, whose streams ``streams`` names."""

    action: str
    decide: Decision
    body: Body
    needs: Sequence[Need] = ()
    streams: Sequence[Stream] = ()
    beside: Callable[[Asked], Sequence[Change]] | None = None
    status: int = 200
    confirms: bool = False
    """It may verify a story, and so has to know what that does to the epic."""
    check: Callable[[Identity], None] | None = None
    """What is refused before the story is even looked up."""


class Transitions:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._commands = Commands(services)

    async def make(self, asking: Asking, story_id: UUID, transition: Transition) -> Response[bytes]:
        return await self._commands.carry_out(asking, self._plan(asking, story_id, transition))

    async def reply(self, asking: Asking, story_id: UUID, transition: Transition) -> Reply:
        """The same for one of many: what would be answered."""
        return await self._commands.submit(asking, self._plan(asking, story_id, transition))

    def _plan(self, asking: Asking, story_id: UUID, transition: Transition) -> Plan:
        stream, needs = Stream("story", story_id), StoryNeeds(asking.caller.tenant_id, story_id)
        who, agent = identity_of(asking.caller), Need("agent", asking.caller.agent_id)

        def decide(known: Known) -> Sequence[Change] | Refusal:
            if transition.check:
                transition.check(who)
            if transition.action != "unclaim":  # what it holds, it may still give back
                check_active(known[agent])
            asked = needs.asked(known, who)
            try:
                events = transition.decide(asked)
            except CustodyViolation as violation:
                return Refusal(violation, [Change(stream, _attempt(asked, transition.action, violation))])
            except Conflict:
                if asking.idempotency and already_holds(asked.story, transition.action, who):
                    return []
                raise
            changes = [Change(stream, event) for event in events]
            changes += transition.beside(asked) if transition.beside else ()
            # Who confirms without having said so does not know the standing: a bug, and nothing is recorded.
            finished = completes(known[needs.standing], tuple(events)) if any(map(confirms, events)) else ()
            return changes + [Change(Stream("epic", asked.story.epic_id), event) for event in finished]

        def answer(known: Known, recorded: Sequence[Recorded]) -> Mapping[str, Any]:
            body = transition.body(needs.asked(known, who), recorded)
            return body if recorded else {**body, "already": True}

        wanted = (*needs.all, needs.standing) if transition.confirms else needs.all
        return Plan(
            decide=decide, answer=answer, needs=(*wanted, agent, *transition.needs),
            streams=lambda known: needs.streams(known, transition.streams), status=transition.status,
        )  # fmt: skip


class StoryNeeds:
    """What every transition of a story has to know."""

    def __init__(self, tenant_id: UUID, story_id: UUID) -> None:
        self.story = Need("story", story_id)
        self.text = Need("story_text", story_id)
        self.standing = Need("epic_standing", story_id)
        self.tenant = Need("tenant", tenant_id)
        self.all = (self.story, self.text, self.tenant)

    def asked(self, known: Known, who: Identity) -> Asked:
        """Raises NotFound."""
        return Asked(existing(known, self.story), who, policy_of(known, self.tenant), known)

    def streams(self, known: Known, more: Sequence[Stream]) -> Sequence[Stream]:
        story: Story | None = known[self.story]
        if story is None:
            return ()
        return (Stream("story", story.story_id), Stream("epic", story.epic_id), *more)


def policy_of(known: Known, tenant: Need) -> TenantSettings:
    """What the tenant has set."""
    return read_settings(existing(known, tenant).settings)


def _attempt(asked: Asked, action: str, violation: CustodyViolation) -> CustodyViolated:
    story = asked.story
    return CustodyViolated(
        project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status,
        attempted_action=action, code=violation.code, agent_id=asked.who.agent_id,
    )  # fmt: skip


class Bodies:
    """Answers of transitions. ``base`` is the public address that paths in ``next_actions`` are under."""

    def __init__(self, tenant_id: UUID, base: str) -> None:
        self._tenant_id = tenant_id
        self._base = base

    def story(self, asked: Asked, _: Sequence[Recorded] = ()) -> dict[str, Any]:
        text = asked.known[Need("story_text", asked.story.story_id)]
        actions = next_actions(asked.story, asked.who, asked.policy)
        return {
            "story": story_body(self._tenant_id, asked.story, text),
            "next_actions": [self._action(asked.story, action) for action in actions],
        }

    @property
    def next_action(self) -> dict[str, Any]:
        """As clients of the reference expect it after verify."""
        return {
            "next_action": {
                "description": "The story is verified. GET …/verifications lists the results.",
                "learn_more": f"{self._base}/wiki/agent-pattern",
            }
        }

    def _action(self, story: Story, action: NextAction) -> dict[str, Any]:
        return {
            "action": action.action,
            "method": "POST",
            "path": f"{urlsplit(self._base).path}/api/v1/stories/{story.story_id}/{action.path}",
            "required_body": {field: _example(story, field) for field in action.fields},
            "preconditions": list(action.preconditions),
            "learn_more": f"{self._base}/wiki/agent-pattern",
        }


def _example(story: Story, field: str) -> Any:
    match field:
        case "story_title":
            return story.title
        case "ac_count":
            return story.ac_count
        case "findings_count" | "fixes_count" | "disproved_count":
            return 0
        case _:
            return f"<{field}>"
