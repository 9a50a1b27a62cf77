"""One connection to one server, on the standard library's client: httpx2 takes longer to load than everything else
that a command does."""

import ssl
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from loopctl.answers import Answer, Request, whole
from loopctl.conversation import SECONDS, Lost, needs_tls
from loopctl.failures import Unusable
from loopctl.trust import BadBundle, distrust, trusting

FAILURES = (OSError, HTTPException)
NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
TLS_ALERT = "\x15\x03"


class Wire:
    """One request at a time. Raises Unusable for an address that is none."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._connection = _connection(server)

    def close(self) -> None:
        self._connection.close()

    def answered(self, request: Request) -> Answer:
        """Raises Lost, and Unusable for what a further attempt would find as it is."""
        try:
            return whole(self.opened(request))
        except FAILURES as error:
            raise self.lost(error) from None

    def opened(self, request: Request) -> HTTPResponse:
        """An answer whose body is still to be read. Raises FAILURES."""
        self._connection.timeout = request.seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(request.seconds)
        self._connection.request(request.method, request.target, request.content, {**request.headers})
        return self._connection.getresponse()

    def lost(self, error: Exception) -> Lost:
        """What a failure of the connection means, which is closed. Raises Unusable."""
        self.close()
        match error:
            case ssl.SSLCertVerificationError():
                problem, hint = distrust(error)
                raise Unusable("untrusted", f"{self._server} is not trusted: {problem}.", hint) from None
            case ssl.SSLError() if error.reason in NO_TLS:
                plain = f"http://{self._server.partition('://')[2]}"
                message, hint = f"{self._server} does not speak TLS.", f"Perhaps it is {plain}"
                raise Unusable("no_tls", message, f"{hint}, where the key travels unencrypted.") from None
            case BadStatusLine() if str(error).startswith(TLS_ALERT):
                raise needs_tls(self._server) from None
        return Lost(f"{self._server} does not answer ({type(error).__name__}: {error})")


def _connection(server: str) -> HTTPConnection:
    hint = "Such as https://loopctl.example: loopctl config set server URL"
    try:
        address = urlsplit(server)
        host, port = address.hostname, address.port
        if not host or not host.encode("idna"):
            raise Unusable("no_address", f"{server} names no server.", hint)
        if address.scheme == "https":
            return HTTPSConnection(host, port, timeout=SECONDS, context=trusting())
        return HTTPConnection(host, port, timeout=SECONDS)
    except (ValueError, HTTPException) as error:
        raise Unusable("no_address", f"{server} is no address of a server: {error}.", hint) from None
    except BadBundle as error:
        raise Unusable("no_certificates", f"{error}.", "It is a file of certificates as text (PEM).") from None
