"""How an acceptance criterion is to be checked, and what the check found: who may say so, and until when."""

from collections.abc import Sequence

from msgspec import UNSET

from domain.criteria import CriterionFields
from domain.lifecycle import refusals
from domain.lifecycle.identity import Identity
from domain.lifecycle.judges import check_other
from domain.story import CriterionUpdated, Story, frozen_criteria
from domain.tenant_settings import TenantSettings


def check_said(
    story: Story, who: Identity, policy: TenantSettings, fields: CriterionFields, changes: Sequence[CriterionUpdated]
) -> None:
    """``changes`` is what comes of the ``fields``. Raises Rejected.

    Whoever did the work says neither what it is checked by nor what was found, and of a verified story nothing. What a
    story was verified by is frozen as its words are.
    """
    if fields.status is not UNSET:
        refusals.need_answerable(who)
    if not (fields.status is UNSET and fields.verification_criterion is UNSET and story.verified_status != "verified"):
        check_other(story, who, policy, "verify")
    if story.criteria_frozen and any(each.verification_criterion is not UNSET for each in changes):
        raise frozen_criteria(story, "the checks of criteria")
