"""What callers of the custody machine say of heads, and what must become of it: who is contradicted gets nothing done.

The table is that of spec 05, section 5.2, said once more without a line of the code that keeps it.
"""

import base64
import random
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from bench.custody_model import Bypass
from tests.api.asgi import Answer

Kind = Literal["nothing", "first", "seen", "another", "beyond", "unreadable", "unsigned"]
WEIGHTS: Mapping[Kind, int] = {
    "nothing": 8, "first": 16, "seen": 16, "another": 1, "beyond": 1, "unreadable": 1, "unsigned": 1,
}  # fmt: skip
CODES = (
    "witness_divergence_unproven", "witness_ahead_unproven", "witness_header_malformed", "witness_header_missing",
    "witness_evidence_invalid", "witness_cosignature_invalid",
)  # fmt: skip
MOST_KEPT = 20
SILENT = {"X_Loopctl_STH_Bootstrap": ""}
"""Takes away what the callers' requests have otherwise."""
FIXED: Mapping[str, Sequence[Mapping[str, str]]] = {
    "nothing": ({},),
    "first": ({"X_Loopctl_STH_Bootstrap": "true"},),
    "unsigned": ({"Loopctl_Witness_Note": base64.urlsafe_b64encode(b"a\n1\nb\n").decode()},),
    "unreadable": (
        {"Loopctl_Witness": "size=1; root=; key=00c0ffee"},
        {"Loopctl_Witness": "size=-1; root=" + "A" * 43 + "; key=00c0ffee"},
        {"Loopctl_Witness": ""},
        {"X_Loopctl_Last_Known_STH": "1:"},
        {"X_Loopctl_Last_Known_STH": "\xff:" + "A" * 22},
        {"Loopctl_Witness_Note": "%"},
    ),
}
"""What is said without a head."""


class Said(Struct, frozen=True):
    kind: Kind
    headers: Mapping[str, str]


class Heads:
    """Those that answers have told of one tenant's log."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []

    def hear(self, answer: Answer) -> None:
        head, older = (answer.headers.get(name) for name in ("loopctl-head", "x-loopctl-current-sth"))
        if head and older and (head, older) not in self._told:
            self._told = [*self._told, (head, older)][-MOST_KEPT:]

    def say(self, chance: random.Random) -> Said:
        (kind,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if not self._told:
            kind = "first"
        return Said(kind, {**SILENT, **self._headers(kind, chance)})

    def _headers(self, kind: Kind, chance: random.Random) -> Mapping[str, str]:
        if kind not in ("seen", "another", "beyond"):
            return chance.choice(FIXED[kind])
        size, root, older = self._one(chance)
        claims: Mapping[str, Sequence[Mapping[str, str]]] = {
            "seen": ({"X_Loopctl_Last_Known_STH": older}, {"Loopctl_Witness": _claim(size, root)}),
            "another": (
                {"X_Loopctl_Last_Known_STH": f"{size - 1}:{'B' * 21}A"},
                {"Loopctl_Witness": _claim(size, _turned(root))},
            ),
            "beyond": ({"Loopctl_Witness": _claim(size + 10**6, root)},),
        }
        return chance.choice(claims[kind])

    def _one(self, chance: random.Random) -> tuple[int, str, str]:
        head, older = chance.choice(self._told)
        size, _, root = head.removeprefix("size=").partition("; root=")
        return int(size), root, older


def _claim(size: int, root: str) -> str:
    return f"size={size}; root={root}; key=00c0ffee"


def _turned(root: str) -> str:
    """Another root."""
    return ("B" if root[0] == "A" else "A") + root[1:]


def check_heard(mode: str, said: Said, answer: Answer) -> None:
    """``answer`` is one that a caller of the tenant got whose key is good. Raises Bypass."""
    refused, told = answer.status >= 400, is_for_heads(answer)
    contradicted = said.kind in ("another", "beyond", "unreadable", "unsigned")
    if mode == "off" or not (contradicted or (mode == "required" and said.kind == "nothing")):
        if told:
            raise Bypass(f"{said.kind} was said of heads, where witness_mode is {mode}: {answer.body!r}")
    elif not refused:
        raise Bypass(f"{said.kind} was said of heads, where witness_mode is {mode}, and answered {answer.status}")


def is_for_heads(answer: Answer) -> bool:
    """It refuses what was said of heads."""
    return answer.status >= 400 and bool(answer.body) and answer.json().get("error", {}).get("code") in CODES
