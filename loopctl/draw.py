"""Draws of verifiers: whether a seed is the next of its chain, and whom it draws. For the server and for auditors.

A tenant's key for draws is a chain of hashes. Its end is in the log before anything is drawn (``purpose_key.made``);
each draw (``story.verifier_drawn``) reveals the link before the one that was known. So nobody can know the next seed
who has not made the chain, and whoever has made it cannot choose another.
"""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

LINKS = 4096
"""Draws of one chain."""
LINK = b"loopctl/draw-chain/v1\0"
CHOICE = b"loopctl/draw/v1\0"


def chain_of(secret: bytes) -> list[bytes]:
    """All links, the end of the chain first: ``chain[0]`` is said beforehand, ``chain[n]`` is the seed of draw n."""
    links = [sha256(LINK + secret).digest()]
    for _ in range(LINKS):
        links.append(sha256(LINK + links[-1]).digest())
    return links[::-1]


def follows(seed: bytes, known: bytes) -> bool:
    """``known`` is the seed of the draw before, or the end of the chain."""
    return sha256(LINK + seed).digest() == known


def drawn_by(seed: bytes, story_id: UUID, pool: Sequence[UUID]) -> UUID:
    """Of a pool that is not empty, in the order that the event has it."""
    digest = sha256(CHOICE + seed + story_id.bytes).digest()
    return pool[int.from_bytes(digest[:8]) % len(pool)]
