"""Every bound that the API puts on a client, in one value, so that tests can use small ones."""

from msgspec import Struct

MIB = 1024 * 1024


class Share(Struct, frozen=True):
    """The most that each may hold."""

    key: int
    tenant: int
    process: int


class Limits(Struct, frozen=True, kw_only=True):
    """Sources: spec 06, sections 6.1 and 6.3; spec 01, section 1.1 for the body."""

    url_bytes: int = 8192
    header_bytes: int = 16384
    """Of all header lines together, names and values with their separators."""
    body_bytes: int = 2_000_000
    query_parameters: int = 100
    json_depth: int = 64
    header_seconds: float = 10.0
    """From the first byte of a request (or from the connection) to the end of its headers."""
    body_seconds: float = 10.0
    request_seconds: float = 10.0
    """From the end of the body to the answer."""
    idle_seconds: float = 30.0
    """Between two requests on one connection."""
    write_seconds: float = 20.0
    """How long a client may leave an answer unread before the connection is cut."""
    linger_seconds: float = 1.0
    """How long a refused connection stays open so that the client can read why."""
    connections: int = 1000
    pipelined: int = 32
    """Requests that may wait on one connection behind the one that is being answered."""
    running: Share = Share(32, 48, 64)
    """Requests that run at the same time; health is not counted."""
    running_beside_others: int = 16
    """Of a tenant, while others ask as well."""
    admission_seconds: float = 0.1
    """How long a request waits for its turn before it is turned away."""
    imports: Share = Share(1, 1, 2)
    """In the place of one that runs: each needs many times its body for a moment."""
    import_wait_seconds: float = 5.0
    exports: Share = Share(1, 2, 4)
    """Until they are sent to the end."""
    streams: Share = Share(10, 20, 200)
    """Change streams that are open at the same time."""
    tools: Share = Share(4, 8, 16)
    """Calls of tools, each in a thread that mostly waits for the requests that the tool makes; those run beside it."""
    tool_wait_seconds: float = 5.0
    held_bodies: Share = Share(12 * MIB, 24 * MIB, 48 * MIB)
    """Bytes of bodies from before they are read until they are answered; those within ``small_bytes`` are free."""
    held_answers: Share = Share(12 * MIB, 24 * MIB, 48 * MIB)
    """Bytes of answers that are being sent, in the same way."""
    small_bytes: int = 65536
    pace_bytes: int = 256 * 1024
    pace_seconds: float = 10.0
    """A large body has to come, and a large answer to be read, at least so fast: that many bytes in so much time."""
    stream_seconds: float = 300.0
    """After that a stream ends, and the client goes on with another: a key is looked at again that often."""
    heartbeat_seconds: float = 15.0
    """Longest silence on a stream."""
    stream_poll_seconds: float = 2.0
    """Between two looks at the log when no wake-up comes."""
    framing_bytes: int = 16384
    """Of chunk extensions or trailers without a byte of body in between."""


LARGE_BODY_BYTES = 10 * 1024 * 1024
"""For a route that imports: ``opt={"body_bytes": LARGE_BODY_BYTES, "request_seconds": LARGE_BODY_SECONDS}``."""

LARGE_BODY_SECONDS = 60.0
