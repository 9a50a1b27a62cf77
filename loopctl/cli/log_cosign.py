"""`loopctl log cosign`: takes the newest head of a log to its witnesses."""

import sys
from collections.abc import Sequence
from pathlib import Path

from loopctl.audit.directory import DirectorySource
from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.names import Single
from loopctl.audit.remote import Client, RemoteSource, parse_url
from loopctl.cli.plain import lines
from loopctl.cli.whole_file import answer_file
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import parse_note
from loopctl.tlog.plan import TileReader, prove_consistency
from loopctl.tlog.policy import Policy
from loopctl.tlog.tile import Tile
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import KeyType, parse_vkey
from loopctl.trust import BadBundle
from loopctl.witness.asking import WitnessAt, WitnessRefuses, cosigned

GOOD, UNREADABLE, USAGE, BAD = 0, 1, 2, 10
ALARMS = ("disagrees", "ahead")


class _Log:
    """A newest head, and the hashes that lead to it."""

    def __init__(self, source: DirectorySource | RemoteSource) -> None:
        self._source = source
        self.head = source.newest() if isinstance(source, RemoteSource) else source.read(Single.NEWEST)
        self._size = parse_checkpoint(parse_note(self.head).text).size

    def prove(self, old: int, new: int) -> Sequence[bytes]:
        return prove_consistency(TileReader(self._size, self._tiles), old, new)

    def _tiles(self, wanted: Sequence[Tile]) -> Sequence[bytes]:
        if isinstance(self._source, RemoteSource):
            return self._source.tiles(wanted)
        return [self._source.read(tile) for tile in wanted]


def cosign_head(log: str, witnesses: Sequence[str], out: Path, policy: Policy | None = None) -> int:
    try:
        asked = [_witness(text) for text in witnesses]
    except TlogError as error:
        return _fails(USAGE, f"--witness ADDRESS=KEY: {error.problem}")
    if policy is not None:
        asked += [WitnessAt(each.url, each.key) for each in policy.witnesses.values() if each.url]
    elif not asked:
        return _fails(USAGE, "say whom to ask: --witness ADDRESS=KEY, or --policy FILE")
    client = None
    try:
        if log.startswith(("http://", "https://")):
            client = Client()
            known = [*(at.key for at in asked), *(policy.cosigners if policy else ())]
            source = RemoteSource(parse_url(log), client, None, known)
            return _ask_all(_Log(source), asked, out, policy)
        return _ask_all(_Log(DirectorySource(Path(log))), asked, out, policy)
    except (Unreadable, BadBundle, Fault, TlogError) as error:
        return _fails(UNREADABLE, str(error))
    except OSError as error:
        return _fails(UNREADABLE, f"cannot be read or written ({error.strerror})")
    finally:
        if client is not None:
            client.close()


def _ask_all(log: _Log, witnesses: Sequence[WitnessAt], out: Path, policy: Policy | None) -> int:
    head, worst = log.head, GOOD
    for at in witnesses:
        if policy is not None and _is_enough(policy, head):
            break
        try:
            head = cosigned(head, at, log.prove)
            sys.stdout.write(lines(f"{at.key.name} has cosigned size {parse_checkpoint(parse_note(head).text).size}\n"))
        except WitnessRefuses as refusal:
            worst = max(worst, _fails(BAD if refusal.kind in ALARMS else UNREADABLE, f"{refusal.kind}: {refusal}"))
    if head != log.head or (policy is not None and _is_enough(policy, head)):
        with answer_file(out) as file:
            file.write(head)
    if policy is None or worst == BAD:
        return worst
    if _is_enough(policy, head):
        sys.stdout.write(lines(f"enough for the policy, which wants {policy.told()}\n"))
        return GOOD
    return _fails(UNREADABLE, f"too few have cosigned it: the policy wants {policy.told()}")


def _is_enough(policy: Policy, note: bytes) -> bool:
    """By lines that hold, one of them by a log of the policy where it lists any. Raises TlogError for one that does
    not hold."""
    known = [*policy.logs, *policy.cosigners]
    signed = {line.key for line in open_note(parse_note(note), known)} if known else set()
    return (not policy.logs or bool(signed & set(policy.logs))) and policy.is_reached(signed)


def _witness(text: str) -> WitnessAt:
    # Neither addresses of witnesses nor names of keys have an equals sign; base64 may end in one or two.
    url, _, key = text.partition("=")
    parsed = parse_vkey(key)
    if parsed.type is KeyType.ED25519:
        raise TlogError("key_malformed", "key", "the key of a log, and not of a witness")
    return WitnessAt(url, parsed)


def _fails(code: int, why: str) -> int:
    sys.stderr.write(lines(f"loopctl log cosign: {why}\n"))
    return code
