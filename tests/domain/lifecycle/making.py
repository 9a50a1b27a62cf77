"""Stories, callers and settings as the tests of decisions want them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from domain.agent import AgentType
from domain.caller import Role
from domain.capability import CONSUMED_BY, CapabilityMinted, Fresh, Right, minted, prospective
from domain.errors import Rejected
from domain.event import JsonText, Recorded, Stream
from domain.lifecycle.identity import Identity
from domain.story import Story
from domain.tenant_settings import TenantSettings

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
POLICY = TenantSettings()
PROJECT, EPIC, STORY = UUID(int=1), UUID(int=2), UUID(int=3)
ANN, BEN, LEA = UUID(int=11), UUID(int=12), UUID(int=13)
ANNS_KEY, BENS_KEY, LEAS_KEY, OTHER_KEY = UUID(int=21), UUID(int=22), UUID(int=23), UUID(int=24)
CAP = UUID(int=41)
PLACE = {"project_id": PROJECT, "epic_id": EPIC}

STATUSES = ("pending", "contracted", "assigned", "implementing", "reported_done")
JUDGEMENTS = ("unverified", "verified", "rejected")


def story(**changes: Any) -> Story:
    """One that nobody has touched."""
    plain: dict[str, Any] = {
        "story_id": STORY, "number": "1.1", "major": 1, "minor": 1, "title": "T", "ac_count": 2, "criteria_hash": "c",
        "estimated_hours": None, "created_at": NOON, "updated_at": NOON, "position": 5, **PLACE,
    }  # fmt: skip
    return Story(**{**plain, **changes})


def worked(**changes: Any) -> Story:
    """Ann has claimed it with her key and is at it."""
    state: dict[str, Any] = {
        "agent_status": "implementing", "assigned_agent_id": ANN, "implementer_lineage": (ANNS_KEY,), "touched": True,
        "contracted_by_agent_id": ANN, "claim_position": 7,
    }  # fmt: skip
    return story(**{**state, **changes})


def reported(**changes: Any) -> Story:
    """Ben has reported Ann's work, at position 8."""
    state: dict[str, Any] = {
        "agent_status": "reported_done", "reported_by_agent_id": BEN, "report_position": 8, "reported_done_at": NOON,
    }  # fmt: skip
    return worked(**{**state, **changes})


def reviewed(**changes: Any) -> Story:
    """And has reviewed it."""
    state = {"review_position": 9, "reviewers": (BEN, BENS_KEY)}
    return reported(**{**state, **changes})


def who(agent: UUID | None = ANN, key: UUID = ANNS_KEY, role: str = "agent", *chain: UUID) -> Identity:
    """``chain`` of dispatches; without one the key stands for itself. The agent is of the type that the role needs."""
    return Identity(
        role=Role(role), key_id=key, agent_id=agent, agent_type=_type(agent, role),
        dispatch_id=chain[-1] if chain else None, lineage=chain or (key,),
    )  # fmt: skip


def _type(agent: UUID | None, role: str) -> AgentType | None:
    if agent is None:
        return None
    return "orchestrator" if role == "orchestrator" else "implementer"


def right(action: str, by: Identity, **changes: Any) -> Right:
    """The newest capability for the action, made for this caller, and presented by it."""
    typ = CONSUMED_BY[action]
    made = minted(CapabilityMinted, typ, story(), by.lineage, Fresh(CAP, "n", NOON))
    slot = prospective(made, NOON)
    return Right(presented=CAP, slot=structs.replace(slot, **changes), at=NOON)


ann = who()
ben = who(BEN, BENS_KEY)
lea = who(LEA, LEAS_KEY, "orchestrator")
ann_as_lead = who(ANN, OTHER_KEY, "orchestrator")
nameless = who(None, OTHER_KEY)
human = who(None, OTHER_KEY, "user")


def refused(decide: Any, code: str, kind: type[Rejected] = Rejected) -> Rejected:
    """The refusal, which must have this code and be of this kind."""
    with pytest.raises(kind) as caught:
        decide()
    assert caught.value.code == code
    return caught.value


def recorded(event: Any, stream: Stream | None = None) -> Recorded:
    return Recorded(10, stream or Stream("story", STORY), 0, NOON, ("test",), event)


NOTHING = JsonText("{}")
