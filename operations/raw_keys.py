"""New API keys, and what their hashes are made with."""

import secrets

from config.keys import Key, parse_keys
from config.settings import Settings
from domain.api_key import ALPHABET, RANDOM_CHARACTERS, complete_key
from operations.command import Declined

NO_KEYS = (
    "No key can be made without {variable}: give --data-dir, the folder of the service that runs (var for `make up`), "
    "or set it, or {variable}_FILE, as that service has it."
)


def new_raw_key() -> str:
    return complete_key("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))


def current_pepper(settings: Settings) -> Key:
    peppers = parse_keys(settings.peppers)
    if not peppers:
        raise Declined(NO_KEYS.format(variable="LOOPCTL_PEPPERS"))
    return peppers[0]
