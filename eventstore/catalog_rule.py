"""What a rule of the catalogue is, and what the rules have to be told about this schema."""

from msgspec import Struct


class Expected(Struct, frozen=True, kw_only=True):
    """What the catalogue cannot know by itself. A migration that makes one of these adds it here, by its full name."""

    global_tables: frozenset[str] = frozenset()
    """Tables without tenant_id. Nothing of a tenant may be in them."""
    append_only: frozenset[str] = frozenset()
    """Tables whose rows never change: the log, and what must be as trustworthy. Their partitions are meant too."""
    log_tables: frozenset[str] = frozenset()
    """Tables of the log that do change, such as its head: append-only tables may refer to them."""
    forced: frozenset[str] = frozenset()
    """Tables whose row security binds their owner as well: log, heads, keys, nonces, authenticators."""
    global_indexes: frozenset[str] = frozenset()
    """Indexes of tenant tables that do not begin with tenant_id: values that are unique among all tenants."""
    definer_functions: frozenset[str] = frozenset()
    """SECURITY DEFINER functions, with their argument types."""
    tenantless_functions: frozenset[str] = frozenset()
    """Functions that API and worker may call before a tenant is known, with their argument types."""

    @property
    def log(self) -> frozenset[str]:
        return self.append_only | self.log_tables


APPEND_BATCH = (
    "app.append_batch(uuid,bigint,bytea[],bytea[],uuid[],integer[],bytea,smallint[],bigint[],integer[],bytea[],bigint[],"
    "text[],uuid[],text[],bytea[],smallint[],bytea[],bytea[],bigint[],timestamp with time zone)"
)

EXPECTED = Expected(
    global_tables=frozenset({"app.schema_migration", "app.key_check", "app.scheduled_run"}),
    append_only=frozenset({"app.schema_migration", "app.log_entry", "app.log_checkpoint", "app.used_nonce"}),
    log_tables=frozenset({"app.log_head", "app.log_tile", "app.log_key"}),
    forced=frozenset(
        {
            "app.api_key",
            "app.api_key_hash",
            "app.log_checkpoint",
            "app.log_entry",
            "app.log_head",
            "app.log_key",
            "app.log_tile",
            "app.tenant_key",
            "app.used_nonce",
        }
    ),
    global_indexes=frozenset({"app.tenant_slug", "app.api_key_hash_value"}),
    definer_functions=frozenset({APPEND_BATCH, "app.open_log(uuid)", "app.find_caller(bytea[])"}),
    tenantless_functions=frozenset({"app.tid()", "app.find_caller(bytea[])"}),
)


class Rule(Struct, frozen=True):
    """``query`` answers what breaks the rule as ``object`` and ``detail``; nothing is good.

    ``exceptions`` names the field of Expected that the query gets as $1. Names print with their schema, because the
    rules run with pg_catalog as their search path.
    """

    name: str
    query: str
    hint: str
    exceptions: str | None = None
