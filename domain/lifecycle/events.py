"""What happens to a story between its contract and its confirmation (spec 01, section 3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal, assert_never
from uuid import UUID

from domain.event import ERASED, Event, Events, JsonText
from domain.story import (
    AgentStatus,
    CriterionUpdated,
    StoryCreated,
    StoryDeleted,
    StoryImported,
    StoryRevised,
    StoryUpdated,
    VerifiedStatus,
)


class OfStory(Event, frozen=True, kw_only=True):
    """Where the story belongs, and the status that the agent's side had before."""

    project_id: UUID
    epic_id: UUID
    agent_status_was: AgentStatus


class StoryContracted(OfStory, frozen=True, kw_only=True):
    """``contract_hash`` is of the title and criteria that the contract is about."""

    TAG: ClassVar[str] = "story.contracted"
    agent_id: UUID
    contract_hash: str
    echo_skipped: bool = False


class StoryClaimed(OfStory, frozen=True, kw_only=True):
    """``contracted_by_agent_id`` may be another agent: an orchestrator can contract for an implementer."""

    TAG: ClassVar[str] = "story.claimed"
    agent_id: UUID
    contracted_by_agent_id: UUID | None
    dispatch_id: UUID | None = None
    lineage: Sequence[UUID] = ()
    lease_expires_at: datetime | None = None
    minters: Sequence[UUID] = ()
    """Agents of those above the claimer's dispatch."""
    human_root: bool = False
    """The root of the lineage is a person's."""


class StoryStarted(OfStory, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.started"
    agent_id: UUID


class LeaseRenewed(OfStory, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.lease_renewed"
    agent_id: UUID
    lease_expires_at: datetime


class LeaseExpired(OfStory, frozen=True, kw_only=True):
    """The claim had a time limit, and nobody renewed it; or its agent was deactivated, which ends what it holds and has
    contracted. The story is back in the queue."""

    TAG: ClassVar[str] = "story.lease_expired"
    assigned_agent_id_was: UUID | None
    lease_expires_at: datetime


class ReviewRequested(OfStory, frozen=True, kw_only=True):
    """``repeated`` when the same round of work was announced before."""

    TAG: ClassVar[str] = "story.review_requested"
    agent_id: UUID
    repeated: bool = False


class VerifierDrawn(OfStory, frozen=True, kw_only=True):
    """One of ``pool``, by the next seed of the tenant's chain (`loopctl.draw`). ``draw`` counts the chain's draws from
    1; ``kid`` names the chain; the seed is hexadecimal."""

    TAG: ClassVar[str] = "story.verifier_drawn"
    verifier_dispatch_id: UUID
    verifier_agent_id: UUID | None
    pool: Sequence[UUID]
    kid: str
    draw: int
    seed: str


class VerifierNeeded(OfStory, frozen=True, kw_only=True):
    """There was nobody to draw: no live orchestrator's dispatch but those of whoever did the work."""

    TAG: ClassVar[str] = "story.verifier_needed"


class StoryFlagged(OfStory, frozen=True, kw_only=True):
    """Somebody should look at the story: its figures are those of work that was not done. ``flags`` are codes, the
    score and what it is the mean of are in hundredths, ``iteration`` is the round of the work. It refuses nothing."""

    TAG: ClassVar[str] = "story.flagged_for_rereview"
    iteration: int
    flags: Sequence[str]
    lazy_score: int
    lazy_factors: JsonText
    agent_id: UUID | None


class StoryReported(OfStory, frozen=True, kw_only=True):
    """Somebody other than the implementer says that the work is done."""

    TAG: ClassVar[str] = "story.reported"
    agent_id: UUID
    assigned_agent_id: UUID | None


class ReviewCompleted(OfStory, frozen=True, kw_only=True):
    """Of the report at ``report_position``; a later report needs a review of its own."""

    TAG: ClassVar[str] = "story.review_completed"
    review_id: UUID
    reviewer_agent_id: UUID | None
    reviewer_key_id: UUID
    review_type: str
    findings_count: int
    fixes_count: int
    disproved_count: int
    summary: str | None = None
    completed_at: datetime
    report_position: int


RunStatus = Literal["pass", "fail", "error"]
RunnerType = Literal["ci_github", "ci_gitlab", "fly_machine", "manual"]
EvidenceSource = Literal["key", "ci"]
EvidenceForm = Literal["junit", "in_toto"]
EvidenceStatus = Literal["pass", "fail"]


class VerificationRunReported(OfStory, frozen=True, kw_only=True):
    """What somebody outside has found by running the work that was reported at ``report_position``: evidence, as its
    reporter says. ``ac_results`` are findings by the ac_id of a criterion."""

    TAG: ClassVar[str] = "story.run_reported"
    run_id: UUID
    reporter_agent_id: UUID
    reporter_key_id: UUID
    status: RunStatus
    runner_type: RunnerType
    commit_sha: str
    commit_content_hash: str | None = None
    logs_url: str | None = None
    ac_results: JsonText = JsonText("{}")
    started_at: datetime | None = None
    completed_at: datetime
    report_position: int


class EvidenceReported(OfStory, frozen=True, kw_only=True):
    """What tests have found, as whoever posted it says: a key, or a job of a CI whose issuer has signed who it is.

    Of the body that was sent there are its hash and its counts; ``criteria`` is what was found of those that are bound
    to a test, by their ac_id. ``claim_position`` and ``iteration`` say of which round of the work it is.
    """

    TAG: ClassVar[str] = "story.evidence_reported"
    evidence_id: UUID
    source: EvidenceSource
    form: EvidenceForm
    sha256: str
    size: int
    commit_sha: str
    run_url: str | None = None
    status: EvidenceStatus
    tests: int
    passed: int
    failed: int
    errors: int
    skipped: int
    executed_before: int | None = None
    """Tests that were not skipped in the evidence before, which this was compared with."""
    flags: Sequence[str] = ()
    """nothing_ran, counts_differ, fewer_tests."""
    criteria: JsonText = JsonText("{}")
    failed_tests: Sequence[str] = ()
    """Names of the first twenty."""
    signatures: int = 0
    """Of an envelope; unchecked."""
    reporter_agent_id: UUID | None = None
    reporter_key_id: UUID | None = None
    issuer: str | None = None
    repository: str | None = None
    repository_id: str | None = None
    ref: str | None = None
    workflow: str | None = None
    run_id: str | None = None
    jti: str | None = None
    claim_position: int | None = None
    iteration: int = 0


class Judged(OfStory, frozen=True, kw_only=True):
    """A verification result. ``iteration`` counts the results of a story from 1."""

    verified_status_was: VerifiedStatus
    orchestrator_agent_id: UUID
    verification_id: UUID
    review_type: str | None = None
    findings: JsonText = JsonText("{}")
    iteration: int


class StoryVerified(Judged, frozen=True, kw_only=True):
    """Confirmed by somebody other than the implementer, after a review of the report that stands."""

    TAG: ClassVar[str] = "story.verified"
    result: Literal["pass", "partial"]
    summary: str


class StoryRejected(Judged, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.rejected"
    reason: str


class StoryMarkedComplete(Judged, frozen=True, kw_only=True):
    """Work from before loopctl, confirmed without a review here."""

    TAG: ClassVar[str] = "story.marked_complete"
    summary: str
    author_agent_id: UUID | None = None
    author_key_id: UUID | None = None
    """None in an event from before this was recorded: then nobody knows whose word it is."""
    author_lineage: Sequence[UUID] = ()
    author_minters: Sequence[UUID] = ()
    author_human_root: bool = False


class StoryAutoReset(OfStory, frozen=True, kw_only=True):
    """Follows a rejection: the story is to be worked on again."""

    TAG: ClassVar[str] = "story.auto_reset"
    assigned_agent_id_was: UUID | None
    orchestrator_agent_id: UUID


class StoryUnclaimed(OfStory, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.unclaimed"
    agent_id: UUID
    assigned_agent_id_was: UUID | None


class StoryForceUnclaimed(OfStory, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.force_unclaimed"
    assigned_agent_id_was: UUID | None
    orchestrator_agent_id: UUID
    reason: str | None = None


class StoryBackfilled(OfStory, frozen=True, kw_only=True):
    """Work that was finished outside loopctl; nobody here has ever touched the story."""

    TAG: ClassVar[str] = "story.backfilled"
    verified_status_was: VerifiedStatus
    reason: str
    evidence_url: str | None = None
    pr_number: int | None = None
    author_agent_id: UUID | None = None
    author_key_id: UUID | None = None
    """None in an event from before this was recorded: then nobody knows whose word it is."""
    author_lineage: Sequence[UUID] = ()
    author_minters: Sequence[UUID] = ()
    author_human_root: bool = False


class CustodyViolated(OfStory, frozen=True, kw_only=True):
    """Somebody tried to confirm their own work, and was refused with ``code``."""

    TAG: ClassVar[str] = "story.custody_violated"
    attempted_action: str
    code: str
    agent_id: UUID | None


class StoryCommented(OfStory, frozen=True, kw_only=True):
    """Somebody says something about the story; ``agent_id`` of whose key, where that has an agent."""

    TAG: ClassVar[str] = "story.commented"
    ERASABLE: ClassVar[Mapping[str, str]] = {"body": ERASED}
    comment_id: UUID
    agent_id: UUID | None
    body: str


class ArtifactReported(Event, frozen=True, kw_only=True):
    """Something that the work has produced, as somebody says; its stream is its own."""

    TAG: ClassVar[str] = "artifact_report.created"
    project_id: UUID
    story_id: UUID
    artifact_type: str
    path: str
    exists: bool
    details: JsonText
    reported_by: Literal["agent", "orchestrator"]
    reporter_agent_id: UUID | None


WorkEvent = (
    StoryContracted | StoryClaimed | StoryStarted | LeaseRenewed | LeaseExpired | ReviewRequested | StoryReported
    | ReviewCompleted | VerificationRunReported | EvidenceReported | StoryUnclaimed | StoryForceUnclaimed
    | StoryAutoReset | CustodyViolated | VerifierDrawn | VerifierNeeded | StoryCommented | StoryFlagged
)  # fmt: skip
"""What agents do. None of these changes whether the story is verified."""

VerificationEvent = StoryVerified | StoryRejected | StoryMarkedComplete
"""Those that are a `Judged`."""
VERIFICATION_EVENTS = Events[VerificationEvent](VerificationEvent)

ConfirmationEvent = VerificationEvent | StoryBackfilled
"""What may change whether the story is verified."""
CONFIRMATION_EVENTS = Events[ConfirmationEvent](ConfirmationEvent)

StoryChange = StoryUpdated | StoryRevised | CriterionUpdated | WorkEvent | ConfirmationEvent
"""Of a story that is there and stays there."""

StoryEvent = StoryCreated | StoryImported | StoryDeleted | StoryChange
STORY_EVENTS = Events[StoryEvent](StoryEvent)

ArtifactEvent = ArtifactReported
ARTIFACT_EVENTS = Events[ArtifactEvent](ArtifactEvent)


def confirmed(event: ConfirmationEvent) -> int:
    """1 when a story is verified that was not, -1 when one is no longer, 0 when nothing changes."""
    match event:
        case StoryVerified() | StoryMarkedComplete() | StoryBackfilled():
            return int(event.verified_status_was != "verified")
        case StoryRejected():
            return -int(event.verified_status_was == "verified")
        case _:
            assert_never(event)
