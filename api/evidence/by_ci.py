"""Evidence that a CI posts, by the token of its job."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response
from msgspec import structs

from api.commands import carry_out, origin
from api.http.asking import Asking
from api.lifecycle.transitions import StoryNeeds
from api.services import Services
from domain.ci_trust import CiJob
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.lifecycle.evidence import Posted, Said, check_token_unused, report_evidence
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.last_evidence import LAST_EVIDENCE, PROJECT_EVIDENCE, TOKEN_EVIDENCE

Answer = Callable[[Known, Sequence[Recorded]], Any]


async def post_by_ci(
    services: Services, asking: Asking, story_id: UUID, said: tuple[Said, Answer], job: CiJob
) -> Response[bytes]:
    """``said`` without the job, and what is answered. Raises Invalid for another commit than the job's."""
    stream, needs = Stream("story", story_id), StoryNeeds(asking, story_id)
    what = structs.replace(_of_its_commit(said[0], job), ci=job.identity, agent_id=None, key_id=None)
    standing, used = LAST_EVIDENCE.need(story_id), TOKEN_EVIDENCE.need((story_id, job.identity.jti))

    def decide(known: Known) -> Sequence[Change]:
        story = existing(known, needs.story)
        if story.project_id != job.project_id:
            raise NotFound("Not found")
        check_token_unused(story, known[used], what)
        before = known[standing].newest
        executed = before.executed if before else known[PROJECT_EVIDENCE.need(story.project_id)]
        events = report_evidence(story, existing(known, needs.text), Posted(what, known[standing], executed))
        return [Change(stream, event) for event in events]

    def following(known: Known) -> Sequence[Need[Any]]:
        story = known[needs.story]
        return (PROJECT_EVIDENCE.need(story.project_id),) if story else ()

    command = Command(
        origin=origin(services, asking), decide=decide, answer=said[1], status=201, following=following,
        needs=(*needs.all, standing, used), streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _of_its_commit(said: Said, job: CiJob) -> Said:
    named = said.commit_sha.strip().lower()
    if named and named != job.commit_sha:
        raise Invalid(
            f"The job was run for commit {job.commit_sha}, not for {named[:64]}: leave commit out, or say that one.",
            code="evidence_of_other_commit",
        )
    return structs.replace(said, commit_sha=job.commit_sha)
