"""Where stories stand, as pages say it: lanes of a board, what is overdue, what was claimed and verified by when."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

LANES = {
    "pending": "Pending", "contracted": "Contracted", "implementing": "In work", "reported": "Reported",
    "verified": "Verified",
}  # fmt: skip
LANE_OF = {
    "pending": "pending", "contracted": "contracted", "assigned": "implementing", "implementing": "implementing",
    "reported_done": "reported",
}  # fmt: skip
TICKS = {"verified": "verified", "reported": "claimed"}
"""How the criteria of a lane's stories are drawn: hollow as long as only their agent has said so."""
POINTS = 120

Body = Mapping[str, Any]
"""A story as the API sends it."""


def lane_of(story: Body) -> str:
    return "verified" if story["verified_status"] == "verified" else LANE_OF[story["agent_status"]]


def is_stale(story: Body, now: datetime) -> bool:
    """Somebody holds it, and has let its lease run out."""
    held = story["agent_status"] in ("assigned", "implementing")
    return held and story["lease_expires_at"] is not None and datetime.fromisoformat(story["lease_expires_at"]) < now


def lanes(stories: Sequence[Body]) -> Mapping[str, list[Body]]:
    found: dict[str, list[Body]] = {name: [] for name in LANES}
    for story in stories:
        found[lane_of(story)].append(story)
    return found


class BurnUp(Struct, frozen=True):
    """Counts at moments of equal distance; the lines are points of an SVG of 600 by 160."""

    total: int
    claimed: int
    verified: int
    begin: datetime
    end: datetime
    claimed_line: str
    """Cumulative counts are stairs, not slopes."""
    verified_line: str

    @property
    def half(self) -> str:
        return f"{self.total / 2:g}"


def burn_up(stories: Sequence[Body], now: datetime) -> BurnUp | None:
    """None when nothing was ever claimed: there is no line to draw."""
    claims = _times(stories, "reported_done_at", "verified_at")
    proofs = _times([story for story in stories if story["verified_status"] == "verified"], "verified_at")
    if not claims:
        return None
    begin, total = min(claims[0] - (now - claims[0]) / POINTS, now - timedelta(hours=1)), len(stories)
    moments = [begin + (now - begin) * place / POINTS for place in range(POINTS + 1)]

    def line(times: Sequence[datetime]) -> str:
        points, before = ["0.0,160.0"], 0
        for place, moment in enumerate(moments):
            count = sum(1 for time in times if time <= moment)
            if count != before:
                x = 600 * place / POINTS
                points += [f"{x:.1f},{160 - 156 * each / total:.1f}" for each in (before, count)]
            before = count
        return " ".join([*points, f"600.0,{160 - 156 * before / total:.1f}"])

    return BurnUp(total, len(claims), len(proofs), begin, now, line(claims), line(proofs))


def _times(stories: Sequence[Body], *names: str) -> list[datetime]:
    """The first of the members that each has, in order."""
    found = (next((story[name] for name in names if story[name]), None) for story in stories)
    return sorted(datetime.fromisoformat(each) for each in found if each)
