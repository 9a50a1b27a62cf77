"""clientDataJSON, which the browser wrote: what the library lets pass and we do not."""

import json
from typing import Any

from api.webauthn.encoding import NotBase64, to_bytes

LONGEST_CLIENT_DATA = 4096


class BadClientData(Exception):
    """Says what is wrong."""


def check_client_data(text: bytes) -> dict[str, Any]:
    """One object without a member twice, of a page that stands in no other site's frame. Raises BadClientData."""
    if len(text) > LONGEST_CLIENT_DATA:
        raise BadClientData(f"client_data_json is longer than {LONGEST_CLIENT_DATA} bytes")
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadClientData("client_data_json is not JSON, or has a member twice") from None
    if not isinstance(found, dict):
        raise BadClientData("client_data_json is no object")
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        raise BadClientData("the page stood in another site's frame (crossOrigin)")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twice")
    return found


def _refuse(_: str) -> None:
    raise ValueError("no JSON")


def challenge_in(text: str) -> bytes:
    """Of what the browser sends as client_data_json. Raises BadClientData."""
    try:
        found = check_client_data(to_bytes(text, "client_data_json")).get("challenge")
        return to_bytes(found if isinstance(found, str) else "", "its challenge")
    except NotBase64 as error:
        raise BadClientData(f"{error} is not base64url") from None
