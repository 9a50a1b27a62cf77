"""A client whose person can touch a security key: what needs one is confirmed in a browser, and sent again."""

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from msgspec.structs import replace

from loopctl.answers import Answer, spelled
from loopctl.client import Client, Refused
from loopctl.conversation import Wish

POLL_SECONDS = 1.0
NEEDED = "webauthn_required"


class TouchingClient(Client):
    """Asks like any other. Where the server wants a touch, it says where to go, waits for two minutes at most, and
    sends the same request with the ceremony's id."""

    def _asked(self, wish: Wish) -> Answer:
        if wish.method == "GET":
            return super()._asked(wish)
        wish = replace(wish, idempotency_key=self._talk.key_for(wish))
        try:
            return super()._asked(wish)
        except Refused as refused:
            if refused.code != NEEDED or wish.path == "ceremonies" or wish.path.startswith("admin/"):
                raise  # a superadmin touches a key of its own, on a page of its own
            wrote = self.wrote
            ceremony = self._confirmed(wish, refused)
            self.wrote = wrote  # to ask for a touch has changed nothing
        with self._saying("Loopctl-Ceremony", ceremony):
            return super()._asked(wish)

    def _confirmed(self, wish: Wish, refused: Refused) -> str:
        """The id of a ceremony in which a key was touched. Raises what the server refused with when none was."""
        said = {name: spelled(value) for name, value in (wish.query or {}).items() if value is not None}
        path = wish.path if wish.path.startswith("/") else f"/api/v1/{wish.path}"
        whole = path + (f"?{urlencode(said)}" if said else "")
        begun = self.post("ceremonies", {"method": wish.method, "path": whole, "body": wish.body})["data"]
        self._notice(
            f"{begun['operation']}: this needs a touch of a security key. Open {begun['url']} and check that it shows "
            f"{begun['user_code']}"
        )
        if sys.stderr.isatty():
            webbrowser.open(begun["url"])
        with self._saying("Loopctl-Poll-Secret", begun["poll_secret"]):
            while (status := self.get(f"ceremonies/{begun['ceremony_id']}")["data"]["status"]) == "pending":
                self._sleep(POLL_SECONDS)
        if status != "confirmed":
            raise refused
        return str(begun["ceremony_id"])

    @contextmanager
    def _saying(self, name: str, value: str) -> Iterator[None]:
        """A header of every request meanwhile."""
        self._talk.headers[name] = value
        try:
            yield
        finally:
            del self._talk.headers[name]
