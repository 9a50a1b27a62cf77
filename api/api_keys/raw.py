"""New raw keys, which are shown once and stored nowhere.

A creation that is retried with its idempotency key has to show the same key again, and its stored answer must not hold
it. So the key is made from what only that client can present again: its own raw key (of which the service keeps an HMAC
at most), the idempotency key and the request, and from the id of the new key, so that no two are ever the same; all of
it under a pepper. Neither the database nor the peppers nor both are enough to make it.
"""

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from api.http.asking import Asking
from config.keys import Key
from domain.api_key import ALPHABET, RANDOM_CHARACTERS, complete_key, shown_prefix

PURPOSE = b"loopctl raw key\0"


def new_raw_key(asking: Asking, key_id: UUID, peppers: Sequence[Key]) -> str:
    """For the request as it is: the same for a retry under the same current pepper, random without idempotency key."""
    if asking.idempotency is None:
        return complete_key("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))
    return _derived(asking, key_id, peppers[0])


def raw_key_again(asking: Asking, key_id: UUID, prefix: str, peppers: Sequence[Key]) -> str | None:
    """For a retry; None when the pepper that it was made under is gone."""
    made = (_derived(asking, key_id, pepper) for pepper in peppers)
    return next((raw for raw in made if shown_prefix(raw) == prefix), None)


def _derived(asking: Asking, key_id: UUID, pepper: Key) -> str:
    if asking.idempotency is None or not asking.seed:
        raise ValueError("only a request with an idempotency key can be answered again")
    said = asking.idempotency
    parts = (asking.seed, key_id.bytes, said.request_hash, said.key.encode())
    left = int.from_bytes(hmac.digest(pepper.secret, PURPOSE + b"".join(parts), sha256))
    digits = []
    for _ in range(RANDOM_CHARACTERS):  # 202 of the 256 bits
        left, digit = divmod(left, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return complete_key("".join(digits))
