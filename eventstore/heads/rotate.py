"""Changing the key of a tenant's log (spec 05, section 4.1): what the entry that both keys sign is made of.

Three transactions, after each of which the log can go on with either key:

1. the newest head, which shows that the log is whole (`begin_change`);
2. the entry, with the new key beside it: a command like every other, alone in its batch (api/log/rotating.py);
3. the boundary head, right after that entry, with a line by each key. Whoever signs next makes it if nobody does here.
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from domain.log_key import KeyChange
from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import Begin, log_signer, store_log_key
from eventstore.heads.signing import current_checkpoint
from eventstore.keys.keyring import Keyring
from eventstore.log.append import read_head
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry
from loopctl.tlog.rotation import rotation_data, sign_rotation
from loopctl.tlog.signer import LogSigner


class Signing(Struct, frozen=True):
    """What a signer of heads has."""

    keyring: Keyring
    last_signed: LastSigned | None = None

    async def current(self, tx: TenantTx) -> StoredHead:
        return await current_checkpoint(tx, self.keyring, self.last_signed)


class Changing(Struct, frozen=True):
    """Both keys, in the memory of this process alone until the new one is stored with its entry."""

    keyring: Keyring
    old: LogSigner
    private_key: Ed25519PrivateKey
    reason: str

    @property
    def new(self) -> LogSigner:
        return LogSigner(self.old.key.name, self.private_key)

    @property
    def change(self) -> KeyChange:
        old = self.old.key
        return KeyChange(old.text(), old.key_id.hex(), self.new.key.text(), self.reason)

    def sign(self, entry: Entry) -> Entry:
        """Raises TlogError for a reason that is no word."""
        data = canonical_json(rotation_data(self.old.key, self.new.key, self.reason))
        return sign_rotation(replace(entry, data=data), self.old, self.new)

    async def store(self, tx: TenantTx, at: datetime) -> None:
        """In the transaction of the entry, which is the last of its batch: the key counts from the head behind it."""
        head = await read_head(tx)
        begin = Begin(self.old.key.name, self.reason, at, first_size=head.size)
        await store_log_key(tx, self.keyring, self.private_key, begin)


async def begin_change(tx: TenantTx, signing: Signing, reason: str) -> Changing:
    """Signs what is not signed yet, and makes a new key. Raises what `current_checkpoint` and `log_signer` raise."""
    await signing.current(tx)
    return Changing(signing.keyring, await log_signer(tx, signing.keyring), Ed25519PrivateKey.generate(), reason)
