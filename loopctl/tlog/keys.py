"""Which key of a log counts for which size of it (spec 05, section 4.1). A log is known by its origin, not by a key."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from loopctl.tlog.errors import TlogError
from loopctl.tlog.spelling import LARGEST
from loopctl.tlog.vkey import KeyType, VerifierKey


class KeyEpoch(Struct, frozen=True):
    """From the boundary checkpoint on, which has both lines, the next key counts; this one may go on for a while."""

    key: VerifierKey
    first_size: int
    last_size: int | None = None

    def counts(self, size: int) -> bool:
        return self.first_size <= size <= (LARGEST if self.last_size is None else self.last_size)


class KeyHistory(Struct, frozen=True):
    """Oldest key first. Made by ``key_history``, which checks it."""

    epochs: tuple[KeyEpoch, ...]

    @property
    def origin(self) -> str:
        return self.newest.name

    @property
    def newest(self) -> VerifierKey:
        return self.epochs[-1].key

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        return tuple(epoch.key for epoch in self.epochs)

    def counting(self, size: int) -> tuple[VerifierKey, ...]:
        """The keys whose line under a head of this size means something; a signer signs with all of them."""
        return tuple(epoch.key for epoch in self.epochs if epoch.counts(size))

    def rotated(self, key: VerifierKey, boundary: int) -> "KeyHistory":
        """For a verifier: from size ``boundary`` on it has the new key and needs the old one no more."""
        old = replace(self.epochs[-1], last_size=boundary)
        return key_history([*self.epochs[:-1], old, KeyEpoch(key, boundary)])


def key_history(epochs: Sequence[KeyEpoch]) -> KeyHistory:
    """At least one key, all of one log, in order and without a size for which none counts."""
    if not epochs:
        raise TlogError("key_malformed", "key history", "no key")
    keys = [epoch.key for epoch in epochs]
    if {(key.name, key.type) for key in keys} != {(keys[0].name, KeyType.ED25519)}:
        raise TlogError("key_malformed", "key history", "keys of several logs, or other than log keys")
    if len({key.key_id for key in keys}) != len(keys):
        raise TlogError("key_malformed", "key history", "two keys with one key id")
    for epoch, following in pairwise(epochs):
        last = LARGEST if epoch.last_size is None else epoch.last_size
        if not epoch.first_size < following.first_size <= last:
            raise TlogError("key_malformed", "key history", f"no orderly change of keys at size {following.first_size}")
    if epochs[-1].last_size is not None:
        raise TlogError("key_malformed", "key history", "the newest key has ended")
    return KeyHistory(tuple(epochs))


def first_key(key: VerifierKey, first_size: int = 0) -> KeyHistory:
    """What a verifier knows that was given one vkey."""
    return key_history([KeyEpoch(key, first_size)])
