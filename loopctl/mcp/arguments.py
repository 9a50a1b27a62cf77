"""What tools take. A member that is not here is refused, and so is a value of another type."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Story = Annotated[str, Meta(description="Number such as 2.1 or US-2.1, or id.", max_length=64)]
Project = Annotated[str, Meta(description="Id, slug or name. Without it LOOPCTL_PROJECT.", max_length=255)]
Lease = Annotated[int, Meta(description="Seconds until the claim ends by itself.", ge=10, le=86400)]
Fencing = Annotated[int, Meta(description="lease.fencing_token of next_story: refused when somebody else has it now.")]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Page = Annotated[int, Meta(ge=1, le=10_000)]
Size = Annotated[int, Meta(ge=1, le=100)]
Object = dict[str, Any]
Tokens = Annotated[int, Meta(ge=0, le=10**12)]
ID = "^[0-9a-fA-F-]{36}$"


class Arguments(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of every tool."""


class InProject(Arguments, frozen=True, kw_only=True):
    project: Project | UnsetType = UNSET


class Paged(Arguments, frozen=True, kw_only=True):
    page: Page | UnsetType = UNSET
    page_size: Size | UnsetType = UNSET


class OneStory(InProject, frozen=True, kw_only=True):
    story: Story


class NextStory(InProject, frozen=True, kw_only=True):
    lease_seconds: Lease | UnsetType = UNSET


class Held(OneStory, frozen=True, kw_only=True):
    fencing_token: Fencing | UnsetType = UNSET


class Heartbeat(Held, frozen=True, kw_only=True):
    lease_seconds: Lease | UnsetType = UNSET


class Reviews(OneStory, frozen=True, kw_only=True):
    page: Page | UnsetType = UNSET
    page_size: Size | UnsetType = UNSET


class Artifact(Arguments, frozen=True, kw_only=True):
    artifact_type: Annotated[str, Meta(description="Such as commit_diff, test, pull_request.")]
    path: Annotated[str, Meta(description="Path or URL.")]
    exists: bool | UnsetType = UNSET
    details: Object | UnsetType = UNSET


class Report(OneStory, frozen=True, kw_only=True):
    artifact: Artifact | UnsetType = UNSET


class Review(OneStory, frozen=True, kw_only=True):
    review_type: Annotated[str, Meta(description="Such as security, adversarial.")] | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    findings_count: Annotated[Count, Meta(description="Exactly fixes_count + disproved_count.")] | UnsetType = UNSET
    fixes_count: Count | UnsetType = UNSET
    disproved_count: Count | UnsetType = UNSET


class Stories(InProject, frozen=True, kw_only=True):
    agent_status: (
        Literal["pending", "contracted", "assigned", "implementing", "reported_done"] | UnsetType
    ) = UNSET  # fmt: skip
    verified_status: Literal["unverified", "verified", "rejected"] | UnsetType = UNSET
    label: str | UnsetType = UNSET
    external_id: Annotated[str, Meta(description="Its id where it is from: #12.")] | UnsetType = UNSET
    page: Page | UnsetType = UNSET
    page_size: Size | UnsetType = UNSET


class Waiting(InProject, frozen=True, kw_only=True):
    role: (
        Annotated[Literal["agent", "orchestrator"], Meta(description="Only what this role can do.")] | UnsetType
    ) = UNSET  # fmt: skip
    page: Page | UnsetType = UNSET
    page_size: Size | UnsetType = UNSET


class Verify(OneStory, frozen=True, kw_only=True):
    result: Literal["pass", "partial"] | UnsetType = UNSET
    review_type: Annotated[str, Meta(description="Without it, the latest review's.")] | UnsetType = UNSET
    summary: Annotated[str, Meta(description="Without it, the latest review's.")] | UnsetType = UNSET
    commit_sha: str | UnsetType = UNSET
    findings: Object | UnsetType = UNSET


class Reject(OneStory, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(description="What has to be better.", min_length=1)]
    review_type: str | UnsetType = UNSET
    findings: Object | UnsetType = UNSET


class Criterion(Arguments, frozen=True, kw_only=True):
    id: str | UnsetType = UNSET
    description: str


class NewStory(InProject, frozen=True, kw_only=True):
    epic_number: int
    number: Annotated[str, Meta(description="Epic and place: 2.1")]
    title: Annotated[str, Meta(max_length=500)]
    description: str | UnsetType = UNSET
    acceptance_criteria: Annotated[list[Criterion], Meta(max_length=200)] | UnsetType = UNSET
    estimated_hours: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=4, description="0 is the most urgent; 2 unless said.")] | UnsetType = UNSET
    labels: Annotated[list[str], Meta(max_length=20)] | UnsetType = UNSET
    parent: Annotated[str, Meta(description="Number of the story that it is a part of.")] | UnsetType = UNSET


class Import(InProject, frozen=True, kw_only=True):
    epics: Annotated[
        list[Object],
        Meta(description="Each {number, title, stories: [{number, title, acceptance_criteria: [{id, description}]}]}."),
    ]
    story_dependencies: (
        Annotated[list[Object], Meta(description='Each {story: "1.2", depends_on: "1.1"}.')] | UnsetType
    ) = UNSET
    epic_dependencies: Annotated[list[Object], Meta(description="Each {epic: 2, depends_on: 1}.")] | UnsetType = UNSET
    merge: Annotated[bool, Meta(description="Add to what is there and change it.")] | UnsetType = UNSET
    dry_run: Annotated[bool, Meta(description="Answer as the import would, and do nothing.")] | UnsetType = UNSET


class Dispatch(InProject, frozen=True, kw_only=True):
    role: Literal["agent", "orchestrator"]
    agent: Annotated[str, Meta(description="Id or name of the agent.")] | UnsetType = UNSET
    story: Story | UnsetType = UNSET
    parent_dispatch_id: str | UnsetType = UNSET
    expires_in_seconds: Annotated[int, Meta(ge=60, le=14_400)] | UnsetType = UNSET


class SaveState(InProject, frozen=True, kw_only=True):
    state_data: Object
    state_key: Annotated[str, Meta(description="Without it main.")] | UnsetType = UNSET
    version: Annotated[int, Meta(description="Which is replaced; 0 for none yet.", ge=0)]


class NewProject(Arguments, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=255)]
    slug: Annotated[str, Meta(pattern="^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$")]
    description: str | UnsetType = UNSET
    mission: str | UnsetType = UNSET
    repo_url: str | UnsetType = UNSET
    tech_stack: str | UnsetType = UNSET


class NewKey(Arguments, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=255)]
    role: Literal["agent", "orchestrator", "user"]
    agent: Annotated[str, Meta(description="Id or name of the agent it is for.")] | UnsetType = UNSET
    expires_at: Annotated[str, Meta(description="2027-01-31T12:00:00Z")] | UnsetType = UNSET


class OneKey(Arguments, frozen=True, kw_only=True):
    key_id: Annotated[str, Meta(description="Id, not the key itself.", pattern=ID)]


class Usage(OneStory, frozen=True, kw_only=True):
    input_tokens: Tokens
    output_tokens: Tokens
    cost_millicents: Annotated[Tokens, Meta(description="100000 are a dollar.")]
    model_name: Annotated[str, Meta(max_length=255)]
    phase: Literal["planning", "implementing", "reviewing", "other"] | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class Question(InProject, frozen=True, kw_only=True):
    query: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    article: Annotated[str, Meta(description="Id, instead of query.", pattern=ID)] | UnsetType = UNSET
    story: Annotated[Story, Meta(description="That you work on.")] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=50)] | UnsetType = UNSET


class Costs(InProject, frozen=True, kw_only=True):
    by: Literal["agent", "epic", "model"] | UnsetType = UNSET


class Budget(InProject, frozen=True, kw_only=True):
    scope: Annotated[Literal["project", "epic", "story", "agent"], Meta(description="Of what.")]
    named: Annotated[str, Meta(description="Which: id, number or name. Without it the project.")] | UnsetType = UNSET
    budget_millicents: Annotated[Tokens, Meta(description="100000 are a dollar.")]
    alert_threshold_pct: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET


class Seen(Arguments, frozen=True, kw_only=True):
    note: Annotated[str, Meta(description="Of an earlier answer.", max_length=65_536)] | UnsetType = UNSET
