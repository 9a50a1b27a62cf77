"""What stands in paths, with its description: for the signatures of handlers."""

from typing import Annotated
from uuid import UUID

from litestar.params import PathParameter

ProjectPath = Annotated[str, PathParameter(description="Id or slug of the project.")]
EpicPath = Annotated[UUID, PathParameter(description="Id of the epic.")]
StoryPath = Annotated[UUID, PathParameter(description="Id of the story.")]
CriterionPath = Annotated[str, PathParameter(description="ac_id or id of the criterion.")]
DependencyPath = Annotated[UUID, PathParameter(description="Id of the dependency.")]
AgentPath = Annotated[UUID, PathParameter(description="Id of the agent.")]
DispatchPath = Annotated[UUID, PathParameter(description="Id of the dispatch.")]
AuthenticatorPath = Annotated[UUID, PathParameter(description="Id of the security key.")]
CeremonyPath = Annotated[UUID, PathParameter(description="Id of the ceremony.")]
KeyPath = Annotated[UUID, PathParameter(description="Id of the API key, not the key itself.")]
TenantPath = Annotated[UUID, PathParameter(description="Id of the tenant.")]
WebhookPath = Annotated[UUID, PathParameter(description="Id of the webhook.")]
DeliveryPath = Annotated[UUID, PathParameter(description="Id of the delivery.")]
UiTestRunPath = Annotated[UUID, PathParameter(description="Id of the UI test run.")]
SkillPath = Annotated[UUID, PathParameter(description="Id of the skill.")]
ArticlePath = Annotated[UUID, PathParameter(description="Id of the article.")]
ReaderPath = Annotated[UUID, PathParameter(description="Id of an API key, or of an agent.")]
LinkPath = Annotated[UUID, PathParameter(description="Id of the link.")]
VersionPath = Annotated[str, PathParameter(description="Number of the version, from 1.")]
ViolatorPath = Annotated[UUID, PathParameter(description="Id of the violator.")]
BudgetPath = Annotated[UUID, PathParameter(description="Id of the budget.")]
AnomalyPath = Annotated[UUID, PathParameter(description="Id of the anomaly.")]
UsagePath = Annotated[UUID, PathParameter(description="Id of the report of token usage.")]
EvidencePath = Annotated[UUID, PathParameter(description="Id of the evidence.")]
RunPath = Annotated[UUID, PathParameter(description="Id of the verification run.")]
