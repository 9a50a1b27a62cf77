"""What the log has of one story, as one file for people who have nothing else of the log."""

from collections.abc import Sequence

from litestar import get
from litestar.handlers import HTTPRouteHandler

from api.http.asking import Asker
from api.log.examples import STORY_PROOF
from api.log.schemas import StoryProofAnswer
from api.paths import StoryPath
from api.services import Provided
from domain.errors import Conflict
from eventstore.heads.story_proof import MOST_ENTRIES, TooManySteps
from loopctl.audit.story_proof import Proven, StoryProof
from loopctl.tlog.spelling import base64_text


@get(
    "/api/v1/stories/{story_id:uuid}/log-proof",
    opt={"access": "agent+"},
    tags=["Log"],
    summary="Every step of a story with its proof, to be checked offline",
    description="Its entries from the first on and those of the keys that made them, each with its path to a head "
    "that is signed now: the file of `loopctl log check-story`.",
    responses=STORY_PROOF,
)
async def show_story_proof(services: Provided, asking: Asker, story_id: StoryPath) -> StoryProofAnswer:
    try:
        head, entries = await services.log_reader.story(asking.caller.tenant_id, story_id)
    except TooManySteps:
        raise Conflict(
            f"The story has over {MOST_ENTRIES} steps: GET /api/v1/audit/export is the proof of all."
        ) from None
    proven = [Proven(each.position, each.entry.decode(), [*map(base64_text, each.path)]) for each in entries]
    return StoryProofAnswer(StoryProof(story_id=str(story_id), checkpoint=head.note.decode(), entries=proven))


ROUTES: Sequence[HTTPRouteHandler] = (show_story_proof,)
