"""New ids: UUID version 7, so that what is made later sorts later."""

import secrets
import time
from uuid import UUID

from api.http.request_id import uuid7_text


def new_id() -> UUID:
    return UUID(uuid7_text(time.time_ns() // 1_000_000, secrets.randbits(74)))
