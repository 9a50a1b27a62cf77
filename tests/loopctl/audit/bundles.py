"""Bundles to be judged, and verifiers that leave one thing unasked: the controls of the tests of faults."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from loopctl.audit.digests import Digests
from loopctl.audit.entities import Entities
from loopctl.audit.expected import Expected, keep
from loopctl.audit.export import StoredLog, write_bundle
from loopctl.audit.fault import Finding
from loopctl.audit.heads import HeadChecks
from loopctl.audit.keys_file import LogKeys, encode_keys
from loopctl.audit.links import Link
from loopctl.audit.names import order, parse_path
from loopctl.audit.payloads import Payloads
from loopctl.audit.report import Report
from loopctl.audit.verifier import ALL, Checks
from loopctl.audit.verify import verify
from loopctl.tlog.chain import Checked, Chunk, LogHead
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.entry import Entry
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.keys import KeyEpoch, KeyHistory
from loopctl.tlog.note import parse_note
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import Bundle, encode_bundle, parse_bundle, tile_path
from loopctl.tlog.tree import append_leaves
from loopctl.tlog.trust import SignedTreeHead, Trust, open_checkpoint
from loopctl.tlog.vkey import VerifierKey, parse_vkey

Files = dict[str, bytes]


def files(log: StoredLog) -> Files:
    return dict(write_bundle(log))


def judge(
    bundle: Mapping[str, bytes],
    *keys: VerifierKey,
    older: bytes | None = None,
    form: bool = False,
    checks: Checks = ALL,
) -> Report:
    """In the order of a bundle, as from a directory."""
    in_order = sorted(bundle.items(), key=lambda member: order(parse_path(member[0])))
    return verify(in_order, Expected(keys, None if older is None else keep(older), form), checks)


def fault(report: Report) -> Finding:
    assert report.fault is not None
    assert report.verdict == "bad"
    return report.fault


def with_keys(bundle: Mapping[str, bytes], keys: LogKeys) -> Files:
    """The digest of the file is made anew, as a forger would."""
    return {**bundle, "keys.json": encode_keys(keys)}


def with_entries(bundle: Mapping[str, bytes], index: int, change: Callable[[list[bytes]], Sequence[bytes]]) -> Files:
    """One file of entries changed, and nothing else."""
    name = next(name for name in bundle if name.startswith(tile_path(Bundle(index))))
    parsed = parse_path(name)
    assert isinstance(parsed, Bundle)
    return {**bundle, name: encode_bundle(change(parse_bundle(parsed, bundle[name])))}


def without_chain(head: LogHead, chunk: Chunk) -> Checked:
    """Leaf hashes and tree of whatever entries there are, in whatever order."""
    return _grown(head, [leaf_hash(entry) for entry in chunk.entries])


def recorded_leaves(head: LogHead, chunk: Chunk) -> Checked:
    """The tree that the recorded leaf hashes make; the entries are not looked at."""
    assert chunk.leaves is not None
    return _grown(head, [chunk.leaves[start : start + HASH_BYTES] for start in range(0, len(chunk.leaves), HASH_BYTES)])


def any_tile(*_: object) -> None:
    pass


def any_root(*_: object) -> bool:
    return True


def any_signature(raw: bytes, trust: Trust) -> SignedTreeHead:
    note = parse_note(raw)
    return SignedTreeHead(parse_checkpoint(note.text), note, (), ())


def any_epoch(raw: bytes, trust: Trust) -> SignedTreeHead:
    """Every key of the log counts for every size."""
    epochs = tuple(KeyEpoch(key, 0) for key in trust.history.keys)
    return open_checkpoint(raw, replace(trust, history=KeyHistory(epochs)))


def any_rotation(entry: Entry, old: VerifierKey) -> tuple[VerifierKey, str]:
    value = entry.value()
    return parse_vkey(str(value["new_vkey"])), str(value["reason"])


class AnyLinks(Entities):
    def see(self, first: int, links: Sequence[Link]) -> None:
        pass


class AnyPayloads(Payloads):
    def see(self, first: int, links: Sequence[Link], entries: Sequence[bytes]) -> None:
        pass


class AnyDigests(Digests):
    def see(self, first: int, links: Sequence[Link], entries: Sequence[bytes]) -> None:
        pass


NO_CHAIN = Checks(entries=without_chain, entities=AnyLinks)
NO_ENTRIES = Checks(entries=recorded_leaves, entities=AnyLinks)
NO_ROOTS = Checks(heads=HeadChecks(same_root=any_root))
NO_SIGNATURES = Checks(heads=HeadChecks(open=any_signature))
NO_EPOCHS = Checks(heads=HeadChecks(open=any_epoch))
NO_ROTATIONS = Checks(heads=HeadChecks(rotation=any_rotation))
NO_TILES = Checks(tile=any_tile)
NO_LINKS = Checks(entities=AnyLinks)
NO_PAYLOADS = Checks(payloads=AnyPayloads)
NO_DIGESTS = Checks(digests=AnyDigests)


def _grown(head: LogHead, leaves: Sequence[bytes]) -> Checked:
    growth = append_leaves(head.frontier, leaves)
    return Checked(LogHead(growth.frontier, leaves[-1]), growth.writes)
