"""The list of events is complete, current, and says what clients call each."""

from typing import ClassVar, Literal
from uuid import UUID

import pytest
from msgspec import Struct

from domain.audit_shape import AuditShape
from domain.audit_shapes import AUDIT_SHAPES
from domain.event import Event
from domain.events import EVENTS
from tests.contract.event_catalog import DOCUMENT, document

VOCABULARY = {
    "tenant": (
        "tenant_created key_rotated audit_key_bootstrapped tenant_updated tenant_suspended tenant_activated"
        " custody_halted halt_cleared custody_violation witness_suspect"
    ),
    "agent": "registered updated",
    "ci_trust": "set removed",
    "project": "created updated archived imported merge_imported",
    "epic": "created updated deleted completed",
    "story": (
        "created updated deleted status_changed verified rejected auto_reset force_unclaimed backfilled mark_complete"
        " review_requested review_completed run_reported evidence_reported imported revised"
        " commented verifier_drawn verifier_needed flagged_for_rereview criterion_updated lease_renewed lease_expired"
        " custody_violation"
    ),
    "epic_dependency": "created deleted",
    "story_dependency": "created deleted",
    "artifact_report": "created",
    "token_usage_report": "created corrected deleted",
    "orchestrator_state": "saved",
    "api_key": "created revoked rotated linked",
    "authenticator": "enrolled renamed removed asserted suspected",
    "dispatch": "created revoked expired",
    "violator": "resolved ignored",
    "recovery": "opened seconded cancelled completed used",
    "capability": "minted picked_up consumed rejected",
}
"""Spec 01, appendix B, and ours after them. Entities of the other specifications are not held to it."""


def test_the_document_of_events_is_current() -> None:
    """Went red when a field was added to an event. ``python -m tests.contract.event_catalog`` writes it anew."""
    assert DOCUMENT.read_text("utf-8") == document()


def test_every_event_has_a_name_in_the_audit_trail_and_every_name_an_event() -> None:
    """Went red when a line of AUDIT_SHAPES was taken out."""
    assert sorted(kind.TAG for kind in AUDIT_SHAPES) == sorted(kind.TAG for kind in EVENTS)


@pytest.mark.parametrize("name", [pytest.param(shape, id=kind.TAG) for kind, shape in AUDIT_SHAPES.items()])
def test_a_name_in_the_audit_trail_is_one_that_clients_know(name: AuditShape) -> None:
    """Went red for ("project", "made")."""
    assert name.entity_type not in VOCABULARY or name.action in VOCABULARY[name.entity_type].split()


class Line(Struct, frozen=True):
    sku: str
    count: int = 1


class Sent(Event, frozen=True, kw_only=True):
    """It left."""

    TAG: ClassVar[str] = "parcel.sent"
    STREAM: ClassVar[str | None] = "order"
    id: UUID
    lines: tuple[Line, ...] = ()
    speed: Literal["slow", "fast"] | None = None


def test_a_section_says_stream_meaning_fields_types_and_defaults() -> None:
    text = document([Sent])
    assert "## Streams of kind `order`\n\n### `parcel.sent`\n\nIt left.\n\nAudit: none\n" in text
    assert "| `id` | UUID |  |\n" in text
    assert "| `lines` | list of ({`sku`: string, `count`: integer}) | `[]` |\n" in text
    assert '| `speed` | `"fast"` \\| `"slow"` \\| null | `null` |\n' in text
