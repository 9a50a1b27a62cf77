"""A client whose person can touch a security key: what needs one is confirmed in a browser, and sent again."""

import secrets
import sys
import webbrowser
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from loopctl.answers import spelled
from loopctl.client import Client, Query, Refused

POLL_SECONDS = 1.0
NEEDED = "webauthn_required"


class TouchingClient(Client):
    """Asks like any other. Where the server wants a touch, it says where to go, waits for two minutes at most, and
    sends the same request with the ceremony's id."""

    def _asked(self, method: str, path: str, body: Any, query: Mapping[str, Query] | None) -> Any:
        if method == "GET":
            return super()._asked(method, path, body, query)
        self._first_key = key = self._first_key or secrets.token_hex(16)
        try:
            return super()._asked(method, path, body, query)
        except Refused as refused:
            if refused.code != NEEDED or path == "ceremonies" or path.startswith("admin/"):
                raise  # a superadmin touches a key of its own, on a page of its own
            wrote = self.wrote
            ceremony = self._confirmed(method, path, body, query, refused)
            self.wrote = wrote  # to ask for a touch has changed nothing
        self._first_key = key
        self._headers["Loopctl-Ceremony"] = ceremony
        try:
            return super()._asked(method, path, body, query)
        finally:
            del self._headers["Loopctl-Ceremony"]

    def _confirmed(self, method: str, path: str, body: Any, query: Mapping[str, Query] | None, refused: Refused) -> str:
        """The id of a ceremony in which a key was touched. Raises what the server refused with when none was."""
        said = {name: spelled(value) for name, value in (query or {}).items() if value is not None}
        whole = (path if path.startswith("/") else f"/api/v1/{path}") + (f"?{urlencode(said)}" if said else "")
        begun = self.post("ceremonies", {"method": method, "path": whole, "body": body})["data"]
        self._notice(
            f"{begun['operation']}: this needs a touch of a security key. Open {begun['url']} and check that it shows "
            f"{begun['user_code']}"
        )
        if sys.stderr.isatty():
            webbrowser.open(begun["url"])
        self._headers["Loopctl-Poll-Secret"] = begun["poll_secret"]
        try:
            while (status := self.get(f"ceremonies/{begun['ceremony_id']}")["data"]["status"]) == "pending":
                self._sleep(POLL_SECONDS)
        finally:
            del self._headers["Loopctl-Poll-Secret"]
        if status != "confirmed":
            raise refused
        return str(begun["ceremony_id"])
