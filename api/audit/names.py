"""The filters that the audit trail and the feed share."""

from typing import Annotated

from api.http.query import one_of
from domain.audit_names import ACTIONS, ENTITY_TYPES, OBSERVATIONS

EntityType = Annotated[str, one_of("Only of this kind, such as story.", *ENTITY_TYPES)]
Action = Annotated[str, one_of("Only this, such as status_changed.", *ACTIONS, beginning=OBSERVATIONS)]
