"""What can be configured, with its type, bounds, default and meaning: the one place."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.attestation import MakerRoots, Models
from config.issuers import Issuers, Kind
from config.networks import Networks

SECRET = {"secret": True}

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # recognised, never bound
"""What a client on this machine connects to when the service listens on all addresses; others need public_url."""

LogLevel = Literal["debug", "info", "warning", "error"]

Port = Annotated[int, Meta(ge=0, le=65535)]
Contact = Annotated[str, Meta(min_length=1, max_length=255)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Dimensions = Annotated[int, Meta(ge=1, le=8000)]
KeyRing = Annotated[str, Meta(max_length=65536)]
Password = Annotated[str, Meta(min_length=1, max_length=255)]


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting of the server. Environment: ``LOOPCTL_<NAME>``; secrets also as ``LOOPCTL_<NAME>_FILE``."""

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="TCP port to listen on; 0 takes a free one")] = 4000
    data_dir: Annotated[Path, Meta(description="Where the embedded servers, keys and logs live")] = Path("var")
    workers: Annotated[int, Meta(ge=1, le=64, description="API processes")] = 1
    worker_threads: Annotated[int, Meta(ge=1, le=64, description="Threads of the worker process")] = 4
    database_url: Annotated[
        Url | None,
        Meta(description="PostgreSQL to use instead of the embedded one", extra=SECRET),
    ] = None
    synchronous_replication: Annotated[
        bool,
        Meta(description="Whether to start only on a PostgreSQL that waits for a standby, and to be healthy only then"),
    ] = False
    redis_url: Annotated[Url | None, Meta(description="Redis to use instead of the embedded one", extra=SECRET)] = None
    public_url: Annotated[
        Url | None,
        Meta(description="Address that clients see, without trailing slash; default http://<host>:<port>"),
    ] = None
    proxies: Annotated[
        int, Meta(ge=0, le=16, description="Reverse proxies in front that each add to X-Forwarded-For; 0 believes none")
    ] = 0
    rate_limit_ceiling: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Requests a minute up to which a tenant may set its keys' limit")
    ] = 6000
    egress_allow: Annotated[
        Networks | None,
        Meta(description="Networks beside the public one that webhooks may go to, at any port: CIDR, comma-separated"),
    ] = None
    egress_allow_http: Annotated[bool, Meta(description="Whether requests may go out unencrypted")] = False
    egress_lookup: Annotated[
        bool,
        Meta(description="Whether the API can look names up; if not, a webhook's name is judged when it is sent to"),
    ] = True
    embeddings_url: Annotated[
        Url | None,
        Meta(description="What makes vectors of articles: base address of an OpenAI-compatible API, or local"),
    ] = None
    embeddings_key: Annotated[Password | None, Meta(description="Bearer key of that API", extra=SECRET)] = None
    embeddings_model: Annotated[
        str, Meta(min_length=1, max_length=200, description="Which model that API is asked for")
    ] = "text-embedding-3-small"
    embeddings_dimensions: Annotated[
        Dimensions | None, Meta(description="Numbers of a vector that it is asked for; default the model's own")
    ] = None
    ci_issuers: Annotated[
        Issuers | None,
        Meta(
            description="Issuers of CI tokens besides github.com's and gitlab.com's: github=URL or gitlab=URL, by comma"
        ),
    ] = None
    webauthn_rp_id: Annotated[
        Contact | None,
        Meta(description="Domain that security keys are bound to; default the host of the public address"),
    ] = None
    webauthn_origins: Annotated[
        Url | None,
        Meta(description="Addresses of pages that may use security keys, comma-separated; default the public one"),
    ] = None
    webauthn_roots: Annotated[
        MakerRoots | None,
        Meta(description="PEM file of makers' certificates: only security keys attested by one of them are enrolled"),
    ] = None
    webauthn_models: Annotated[
        Models | None,
        Meta(description="AAGUIDs of the models that are enrolled, comma-separated; needs webauthn_roots"),
    ] = None
    signups_per_hour: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Tenants that one address may make an hour at /signup; 0 closes it")
    ] = 5
    contact: Annotated[Contact | None, Meta(description="Operator's address in /.well-known/loopctl")] = None
    development: Annotated[bool, Meta(description="Whether pages for those who build pages are served: /design")] = (
        False
    )
    log_level: Annotated[LogLevel, Meta(description="Least severe level that is logged")] = "info"
    keks: Annotated[
        KeyRing | None,
        Meta(description="Key-encryption keys, kid:base64 separated by commas, current one first", extra=SECRET),
    ] = None
    peppers: Annotated[
        KeyRing | None,
        Meta(description="Peppers of the API key hashes, kid:base64 separated by commas, current first", extra=SECRET),
    ] = None
    migrator_password: Annotated[Password | None, Meta(description="Of the role loopctl_migrator", extra=SECRET)] = None
    app_password: Annotated[Password | None, Meta(description="Of the role loopctl_app", extra=SECRET)] = None
    worker_password: Annotated[Password | None, Meta(description="Of the role loopctl_worker", extra=SECRET)] = None
    audit_password: Annotated[Password | None, Meta(description="Of the role loopctl_audit_ro", extra=SECRET)] = None
    backup_password: Annotated[Password | None, Meta(description="Of the role loopctl_backup", extra=SECRET)] = None
    metrics_dir: Annotated[
        Path | None,
        Meta(description="Directory through which several processes share their metrics"),
    ] = None
    shutdown_seconds: Annotated[
        int, Meta(ge=1, le=300, description="Grace for running requests and jobs at a stop")
    ] = 10
    still_seconds: Annotated[
        int, Meta(ge=2, le=3600, description="After which an API or worker process that does not move is started anew")
    ] = 30

    @property
    def heads_dir(self) -> Path:
        """Where the newest signed head of each log is remembered: never restored together with the database."""
        return self.data_dir / "heads"

    def issuers(self) -> dict[str, Kind]:
        """Of a CI's tokens: what kind of CI each is, by its address."""
        return (self.ci_issuers or Issuers()).kinds

    def base_url(self) -> str:
        """The address that clients see, without trailing slash; never taken from a request."""
        host = EVERYWHERE.get(self.host, self.host)
        return (self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}").rstrip("/")


CLIENT_VARIABLES = frozenset(
    {
        "LOOPCTL_AGENT_KEY",
        "LOOPCTL_API_KEY",
        "LOOPCTL_CA_BUNDLE",
        "LOOPCTL_CONFIG",
        "LOOPCTL_DISPATCH_OUT",
        "LOOPCTL_FORMAT",
        "LOOPCTL_INSECURE_TLS",
        "LOOPCTL_LOG",
        "LOOPCTL_LOG_KEEP",
        "LOOPCTL_LOG_POLL_SECONDS",
        "LOOPCTL_LOG_VKEYS",
        "LOOPCTL_ORCH_KEY",
        "LOOPCTL_PAYLOAD_ROOTS",
        "LOOPCTL_PROJECT",
        "LOOPCTL_PYTHON",
        "LOOPCTL_REVIEWER_KEY",
        "LOOPCTL_SERVER",
        "LOOPCTL_SUPERADMIN_KEY",
        "LOOPCTL_TOOLS",
        "LOOPCTL_USER_KEY",
        "LOOPCTL_WEBHOOK_SECRET",
    }
)
"""Names that the client, the MCP server and the hooks read; not ours to warn about."""
