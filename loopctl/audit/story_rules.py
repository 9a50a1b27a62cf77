"""Whether a story was confirmed by others than those who did the work, as its own events have it (docs/custody.md).

Written from the events alone, and stricter than any setting of a tenant: who acts under a dispatch, or with a key, of
somebody who did the work is of the implementer's lineage.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from loopctl.audit.fault import Fault
from loopctl.tlog.entry import Entry

KEY = "api_key:"
AGENT_OF = {
    "story.reported": "agent_id",
    "story.review_completed": "reviewer_agent_id",
    "story.verified": "orchestrator_agent_id",
    "story.rejected": "orchestrator_agent_id",
}
"""Steps that confirm or refuse the work, and which member names who took them."""


class Step(Struct, frozen=True, kw_only=True):
    position: int
    at: str
    type: str
    actor: str
    agent: str | None
    lineage: list[str]
    """Dispatches that it was done under, from the root."""


class Confirmation(Struct, frozen=True, kw_only=True):
    """Everybody who stands for one verification; nobody of them did the work."""

    verified_at: int
    """Position, as all the others."""
    reported_at: int
    reviewed_at: list[int]
    implementers: list[str]


class Judge:
    """Sees the entries of a story, and of the keys of its actors, in the order of the log. Raises Fault."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.confirmations: list[Confirmation] = []
        self.verified = False
        self._agent_of_key: dict[str, str | None] = {}
        self._lineage_of_key: dict[str, list[str]] = {}
        self._doers: set[str] = set()
        """Agents, keys and dispatches of whoever did the work, since the last rejection that gave it back."""
        self._nobody = False
        """Among them is somebody without an agent, who can be told from nobody else without one."""
        self._report: int | None = None
        self._reviews: list[int] = []

    def see_other(self, entry: Entry) -> None:
        kind, key = entry.entity
        said: dict[str, Any] = entry.value()
        if kind == "api_key" and entry.type == "api_key.created":
            self._agent_of_key[key] = said.get("agent_id")
            self._lineage_of_key[key] = [*said.get("lineage", ())]
        elif kind == "api_key" and entry.type == "api_key.linked":
            self._agent_of_key[key] = said.get("agent_id")

    def see(self, entry: Entry) -> None:
        said: dict[str, Any] = entry.value()
        who = self._who(entry)
        self.steps.append(who)
        match entry.type:
            case "story.claimed":
                self._works(said.get("agent_id"), said.get("lineage") or who.lineage, _key(entry))
            case "story.imported" if said.get("agent_status") == "reported_done":
                self._authored(entry, said)
                self._report = entry.seq
                self.verified = said.get("verified_status") == "verified"
            case "story.backfilled" | "story.marked_complete":
                self._authored(entry, said)
                self._report, self.verified = entry.seq, True
            case "story.updated" if "criteria_hash" in said:
                self._reviews = []
            case "story.auto_reset":
                self._doers, self._nobody = set(), False
            case _ if entry.type in AGENT_OF:
                self._confirms(entry, said, who)

    def _confirms(self, entry: Entry, said: dict[str, Any], who: Step) -> None:
        self._check_other(entry, said.get(AGENT_OF[entry.type]), who)
        match entry.type:
            case "story.reported":
                self._report, self._reviews = entry.seq, []
            case "story.review_completed":
                if said.get("report_position") != self._report:
                    raise _fault(entry, "review_of_another_report", "reviews another report than the one that stands")
                self._reviews.append(entry.seq)
            case "story.verified":
                if self._report is None or not self._reviews:
                    raise _fault(entry, "not_reviewed", "verifies what was not reported, or not reviewed")
                self.verified = True
                self.confirmations.append(
                    Confirmation(
                        verified_at=entry.seq, reported_at=self._report, reviewed_at=self._reviews,
                        implementers=sorted(self._doers),
                    )
                )  # fmt: skip
            case _:
                self.verified, self._report, self._reviews = False, None, []

    def _check_other(self, entry: Entry, agent: str | None, who: Step) -> None:
        key = _key(entry)
        if key not in self._agent_of_key:
            raise _fault(entry, "actor_unknown", "was done with a key of which the proof does not say whose it is")
        if self._agent_of_key[key] != agent:
            raise _fault(entry, "actor_mismatch", "names another agent than the one whose key it was done with")
        if self._lineage_of_key[key] != who.lineage:
            raise _fault(entry, "lineage_mismatch", "names other dispatches than those of the key it was done with")
        if {agent, key, *who.lineage} & self._doers or (agent is None and self._nobody):
            raise _fault(entry, "confirmed_by_implementer", "came from the lineage of who did the work")

    def _authored(self, entry: Entry, said: dict[str, Any]) -> None:
        self._works(said.get("author_agent_id"), said.get("author_lineage") or (), said.get("author_key_id"))
        self._doers.add(_key(entry))

    def _works(self, agent: str | None, lineage: Sequence[str], key: str | None) -> None:
        """Of a chain only its end: those above have work of many done."""
        self._nobody |= agent is None
        self._doers |= {each for each in (agent, key, *lineage[-1:]) if each}

    def _who(self, entry: Entry) -> Step:
        acting, key = entry.actor[0], _key(entry)
        return Step(
            position=entry.seq, at=entry.ts, type=entry.type, actor=acting, agent=self._agent_of_key.get(key),
            lineage=[*entry.actor[2:]] if acting.startswith(KEY) else [],
        )  # fmt: skip


def _key(entry: Entry) -> str:
    return entry.actor[0].removeprefix(KEY)


def _fault(entry: Entry, code: str, problem: str) -> Fault:
    return Fault("custody", code, f"entry {entry.seq}", f"{entry.type} {problem}")
