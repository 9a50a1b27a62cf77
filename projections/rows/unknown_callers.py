"""How often an address has asked for something that needs no key; of the address only a hash is kept."""

from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from eventstore.database.transaction import SystemTx

# The row is locked while it is looked at, so of two who ask at once each counts.
COUNT = """
    INSERT INTO app.unknown_caller AS known (source, asked)
    VALUES ($1, ARRAY[$2::timestamptz])
        ON CONFLICT (source) DO UPDATE
       SET asked = array(SELECT at FROM unnest(known.asked) AS at WHERE at > $3) || $2::timestamptz
     WHERE (SELECT count(*) FROM unnest(known.asked) AS at WHERE at > $3) < $4
    RETURNING source
"""

FORGET = "DELETE FROM app.unknown_caller WHERE asked[cardinality(asked)] <= $1"


PERIOD = timedelta(hours=1)


class Wish(Struct, frozen=True):
    """What is asked for, and from where."""

    what: str
    source: str

    @property
    def hashed(self) -> bytes:
        return sha256(f"loopctl {self.what}\0{self.source}".encode()).digest()


async def may_ask(tx: SystemTx, wish: Wish, at: datetime, most: int) -> bool:
    """Counts one more; false, and not counted, when there were so many within the hour before."""
    await tx.execute(FORGET, at - PERIOD)
    return await tx.fetchval(COUNT, wish.hashed, at, at - PERIOD, most) is not None
