"""Policy files (C2SP tlog-policy): which logs are believed, and which of their witnesses have to have cosigned a head.

A file of lines: ``log VKEY [URL]``, ``witness NAME VKEY [URL]``, ``group NAME all|any|K MEMBER…``, one ``quorum NAME``.
A group has witnessed a head when K of its members have, which are witnesses and groups of earlier lines. Each name is a
member of one group at most, so that each witness counts once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.vkey import KeyType, VerifierKey, parse_vkey

LARGEST_POLICY = 65_536
MOST = 256
"""Of logs, of witnesses and of groups."""
NONE = b"none"
FORBIDDEN = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n")


class Witness(Struct, frozen=True):
    """``url`` is its submission prefix; empty where nobody needs to ask it."""

    key: VerifierKey
    url: str = ""


class Group(Struct, frozen=True):
    """Has witnessed what ``least`` of its members have."""

    least: int
    members: tuple[bytes, ...]


class Policy(Struct, frozen=True):
    """``quorum`` names a witness or a group; None when no cosignature is wanted. Names are bytes of any encoding."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[bytes, Witness]
    groups: Mapping[bytes, Group]
    quorum: bytes | None

    @property
    def cosigners(self) -> tuple[VerifierKey, ...]:
        return tuple(witness.key for witness in self.witnesses.values())

    def is_reached(self, by: Collection[VerifierKey]) -> bool:
        """Whether cosignatures by these keys, each checked, are enough."""
        return self.quorum is None or self._has_witnessed(self.quorum, by)

    def _has_witnessed(self, name: bytes, by: Collection[VerifierKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name].key in by
        group = self.groups[name]
        return sum(self._has_witnessed(member, by) for member in group.members) >= group.least

    def told(self) -> str:
        """The quorum, for people."""
        if self.quorum is None:
            return "no cosignature"
        name = self.quorum.decode(errors="replace")
        if self.quorum in self.witnesses:
            return f"the witness {name}"
        group = self.groups[self.quorum]
        return f"{group.least} of the {len(group.members)} members of {name}"


def parse_policy(raw: bytes) -> Policy:
    """Raises TlogError, which says in which line."""
    if len(raw) > LARGEST_POLICY:
        raise TlogError("policy_malformed", "policy", f"more than {LARGEST_POLICY} bytes")
    if raw.translate(None, FORBIDDEN) != raw:
        raise TlogError("policy_malformed", "policy", "control characters other than tab and line feed")
    if not raw.endswith(b"\n"):
        raise TlogError("policy_malformed", "policy", "its last line does not end")
    reader = _Reader()
    for number, line in enumerate(raw.split(b"\n")[:-1], start=1):
        reader.take(number, [item for item in line.replace(b"\t", b" ").split(b" ") if item])
    return reader.policy()


class _Reader:
    def __init__(self) -> None:
        self._line = 0
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[bytes, Witness] = {}
        self._groups: dict[bytes, Group] = {}
        self._members: set[bytes] = set()
        self._quorum: bytes | None = None
        self._said = False

    def take(self, number: int, items: Sequence[bytes]) -> None:
        self._line = number
        if max(len(self._logs), len(self._witnesses), len(self._groups)) > MOST:
            self._wrong(f"more than {MOST} of a kind")
        if not items or items[0].startswith(b"#"):
            return
        match items[0], items[1:]:
            case b"log", [vkey, *url] if len(url) < 2:  # one, or none
                self._log(self._key(vkey))
            case b"witness", [name, vkey, *url] if len(url) < 2:  # as said
                self._witness(name, self._key(vkey), b"".join(url))
            case b"group", [name, least, *members] if members:
                self._group(name, least, members)
            case b"quorum", [name]:
                self._take_quorum(name)
            case _:
                self._wrong("no log, witness, group or quorum as such lines are written")

    def policy(self) -> Policy:
        if not self._said:
            raise TlogError("policy_malformed", "policy", "it has no quorum line: at least quorum none")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _log(self, key: VerifierKey) -> None:
        if key.type is not KeyType.ED25519:
            self._wrong("the key of a witness, and not of a log")
        if key.public_key in {each.public_key for each in self._logs}:
            self._wrong("a key that another log has")
        self._logs.append(key)

    def _witness(self, name: bytes, key: VerifierKey, url: bytes) -> None:
        self._define(name)
        if key.type is KeyType.ED25519:
            self._wrong("the key of a log, and not of a witness")
        if key.public_key in {each.key.public_key for each in self._witnesses.values()}:
            self._wrong("a key that another witness has")
        self._witnesses[name] = Witness(key, url.decode(errors="replace"))

    def _group(self, name: bytes, least: bytes, members: Sequence[bytes]) -> None:
        self._define(name)
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                self._wrong("a member that no line before it has defined")
            if member in self._members:
                self._wrong("a member that was one before: each counts once")
            self._members.add(member)
        self._groups[name] = Group(self._least(least, len(members)), tuple(members))

    def _least(self, said: bytes, of: int) -> int:
        if said in (b"all", b"any"):
            return of if said == b"all" else 1
        least = next((number for number in range(1, of + 1) if said == b"%d" % number), None)
        if least is None:
            self._wrong(f"neither all, nor any, nor a number from 1 to {of}")
        return least

    def _take_quorum(self, name: bytes) -> None:
        if self._said:
            self._wrong("a second quorum")
        if name != NONE and name not in self._witnesses and name not in self._groups:
            self._wrong("a name that no line before it has defined")
        self._said, self._quorum = True, None if name == NONE else name

    def _define(self, name: bytes) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            self._wrong("a name that is taken")

    def _key(self, text: bytes) -> VerifierKey:
        try:
            return parse_vkey(text.decode())
        except UnicodeDecodeError:
            self._wrong("a key that is no text")
        except TlogError as error:
            self._wrong(f"no key: {error.problem}")

    def _wrong(self, problem: str) -> NoReturn:
        raise TlogError("policy_malformed", f"line {self._line}", problem)
