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
    """Indexes of tenant tables that do not begin with tenant_id: values that are unique among all tenants, and words,
    whose index has the tenant as an array."""
    definer_functions: frozenset[str] = frozenset()
    """SECURITY DEFINER functions, with their argument types."""
    tenantless_functions: frozenset[str] = frozenset()
    """Functions that API and worker may call before a tenant is known, with their argument types."""

    lookup_tables: frozenset[str] = frozenset()
    """Tables of which loopctl_fn may read all tenants."""
    log_writers: frozenset[str] = frozenset()
    """Who may change a table of ``log``, apart from its owner: role, privilege, and table or column in full."""
    sources: frozenset[str] = frozenset()
    """Functions that everything else rests on: hash, as FUNCTION_SOURCES makes it, and name with argument types.

    More than one hash of a function while a migration replaces it.
    """
    guards: frozenset[str] = frozenset()
    """Triggers that keep rows to what may be, as pg_get_triggerdef tells them; what they call is among ``sources``."""

    @property
    def log(self) -> frozenset[str]:
        return self.append_only | self.log_tables


APPEND_BATCH = (
    "app.append_batch(uuid,bigint,bytea[],bytea[],uuid[],integer[],bytea,smallint[],bigint[],integer[],bytea[],bigint[],"
    "text[],uuid[],text[],bytea[],smallint[],bytea[],bytea[],bigint[],timestamp with time zone,bigint[])"
)
BIND_TENANT = "app.bind_tenant(uuid)"
LOOK_UP = "app.look_up(uuid,uuid[],uuid[],uuid[],uuid[],uuid[],uuid[],uuid[],uuid[])"
VERSION_OF_STORY = "app.version_of_story(uuid,uuid)"
LIST_STORIES = "app.list_stories(uuid,uuid,uuid,text,text,text,integer,integer)"
LIST_READY = "app.list_ready(uuid,uuid,uuid,integer,integer)"
COMMIT_MOVES = (
    APPEND_BATCH.removesuffix(")").replace("append_batch", "commit_moves")
    + ",timestamp with time zone[],uuid[],uuid[],uuid[],text[],text[],text[],json,uuid[],json,json,uuid[],uuid[],json,"
    "json,json,json,text[],uuid[])"
)
DUE_WEBHOOKS = "app.due_webhooks(uuid,uuid,integer)"
GIVEN_UP_WEBHOOKS = "app.given_up_webhooks(integer)"
TENANTS_WITH_FINDINGS = "app.tenants_with_findings(integer)"
TENANTS_INGESTING = "app.tenants_ingesting(integer)"
TENANTS_TO_EMBED = "app.tenants_to_embed(integer)"
EXPIRED_LEASES = "app.expired_leases(timestamp with time zone,integer)"
NEWEST_HEAD = "app.newest_head(uuid)"
FIND_TENANTS = "app.find_tenants(text,text,integer,integer)"

FIND_CEREMONY = "app.find_ceremony(uuid)"
FIND_CREDENTIAL = "app.find_credential(text)"
SUPERADMIN_NAME = "app.superadmin_name(uuid)"
STALE_CHALLENGES = "app.find_stale_challenges(timestamp with time zone,integer)"
FIND_VIOLATORS = "app.find_violators(uuid,text,text,integer,integer)"
SEARCH_ARTICLES = "app.search_articles(uuid,text,uuid,boolean,text,text[],integer,integer)"
FIND_VIOLATOR = "app.find_violator(uuid)"
FIND_NEWS = "app.find_news(text[],uuid,integer)"

EXPECTED = Expected(
    global_tables=frozenset(
        {
            "app.schema_migration",
            "app.key_check",
            "app.scheduled_run",
            "app.superadmin_key",
            "app.superadmin_authenticator",
            "app.unknown_caller",
        }
    ),
    append_only=frozenset(
        {
            "app.schema_migration",
            "app.log_entry",
            "app.log_checkpoint",
            "app.used_nonce",
            "app.api_key_hash",
            "app.fork_proof",
        }
    ),
    log_tables=frozenset({"app.log_head", "app.log_tile", "app.log_key"}),
    forced=frozenset(
        {
            "app.api_key",
            "app.api_key_hash",
            "app.authenticator",
            "app.log_checkpoint",
            "app.log_entry",
            "app.log_head",
            "app.log_key",
            "app.log_tile",
            "app.payload",
            "app.purpose_key",
            "app.tenant_key",
            "app.used_nonce",
            "app.web_session",
            "app.webauthn_challenge",
            "app.webhook_target",
        }
    ),
    global_indexes=frozenset(
        {
            "app.tenant_slug",
            "app.tenant_contact_email",
            "app.api_key_hash_value",
            "app.authenticator_credential",
            "app.webauthn_challenge_expires",
            "app.webauthn_challenge_id",
            "app.violator_newest",
            "app.violator_by_id",
            "app.article_words",
        }
    ),
    definer_functions=frozenset(
        {
            APPEND_BATCH,
            "app.open_log(uuid)",
            "app.find_caller(bytea[])",
            "app.hold_log(uuid)",
            "app.find_tenant(text)",
            "app.find_superadmin(bytea[])",
            "app.list_tenants(uuid,integer)",
            FIND_NEWS,
            FIND_TENANTS,
            EXPIRED_LEASES,
            NEWEST_HEAD,
            FIND_CEREMONY,
            FIND_CREDENTIAL,
            SUPERADMIN_NAME,
            STALE_CHALLENGES,
            DUE_WEBHOOKS,
            GIVEN_UP_WEBHOOKS,
            TENANTS_WITH_FINDINGS,
            TENANTS_TO_EMBED,
            TENANTS_INGESTING,
            "app.webhook_backlog()",
            FIND_VIOLATORS,
            FIND_VIOLATOR,
            SEARCH_ARTICLES,
        }
    ),
    tenantless_functions=frozenset(
        {
            "app.tid()",
            "app.find_caller(bytea[])",
            "app.find_tenant(text)",
            "app.find_superadmin(bytea[])",
            "app.list_tenants(uuid,integer)",
            FIND_NEWS,
            FIND_TENANTS,
            EXPIRED_LEASES,
            NEWEST_HEAD,
            FIND_CEREMONY,
            FIND_CREDENTIAL,
            SUPERADMIN_NAME,
            STALE_CHALLENGES,
            DUE_WEBHOOKS,
            GIVEN_UP_WEBHOOKS,
            TENANTS_WITH_FINDINGS,
            TENANTS_TO_EMBED,
            TENANTS_INGESTING,
            "app.webhook_backlog()",
            FIND_VIOLATORS,
            FIND_VIOLATOR,
        }
    ),
    lookup_tables=frozenset(
        {
            "app.tenant",
            "app.agent",
            "app.api_key",
            "app.api_key_hash",
            "app.log_head",
            "app.follower",
            "app.story",
            "app.log_checkpoint",
            "app.authenticator",
            "app.webauthn_challenge",
            "app.webhook",
            "app.webhook_target",
            "app.webhook_delivery",
            "app.violator",
            "app.job_finding",
            "app.article_to_embed",
            "app.ingestion",
            "app.article_search",
        }
    ),
    log_writers=frozenset(
        {
            "loopctl_fn INSERT app.log_head",
            "loopctl_fn UPDATE app.log_head",
            "loopctl_fn INSERT app.log_tile",
            "loopctl_fn UPDATE app.log_tile",
            "loopctl_fn INSERT app.log_entry",
            "loopctl_fn INSERT app.used_nonce",
            "loopctl_app INSERT app.log_checkpoint",
            "loopctl_app INSERT app.fork_proof",
            "loopctl_worker INSERT app.log_checkpoint",
            "loopctl_app INSERT app.api_key_hash",
            "loopctl_app INSERT app.log_key",
            "loopctl_app UPDATE app.log_key.last_size",
            "loopctl_app UPDATE app.log_key.retired_at",
            "loopctl_app UPDATE app.log_key.private_key",
            "loopctl_worker UPDATE app.log_key.last_size",
            "loopctl_worker UPDATE app.log_key.retired_at",
            "loopctl_worker UPDATE app.log_key.private_key",
        }
    ),
    sources=frozenset(
        {
            "80840bca39953d8c45d3d79cc2fcc451015dab478bfb3ba362b747f3ebc2eb17 app.tid()",
            "7fc401f92a22e298c836ff4f9cc38d226cc0cdad89a458260ee0175dfc158952 app.refuse_change()",
            "9e7289cf37452426c171a53676b4f460a2254ab3a85ef43ffd759663dcb80f24 " + APPEND_BATCH,
            "e4484b0b46f88708d7e3c6f48231cef86d84ce073ee3fae068174a3af90769ab " + APPEND_BATCH,
            "4b50b0044fe375f7ee4fe884a91b5114bfa4a3ce5195203904201a31f1d140e3 " + BIND_TENANT,
            "5c54df377703e72b00045bc0e05bc9a5c2eb1be1f1fdbc26500395ece42e247b " + LOOK_UP,
            "2a795bde2ed409b1c1228d8e85ca2f49bee5d8dbe9295a76722505e6a7be8825 " + COMMIT_MOVES,
            "cf117372709b3272ce05a22708fe0f1cf7bab482da3a344b5b71ceb25e92f453 " + COMMIT_MOVES,
            "65d05825945d7150007bb01c40a60c6c59362293df951db4933e993c0a718be2 " + VERSION_OF_STORY,
            "4e50796cd9c9ba09b5c783308702a08a01ae24ef6fc28cde773934cc420c20fb " + LIST_STORIES,
            "9bde9152aed80234a1806d9acfd0ebe50b318f53d21b7999c2805a2b3defcbde " + LIST_STORIES,
            "a280a358c692d8be54e89e9aaed4d80ec49bb95d7a392768750872b26011233b " + LIST_READY,
            "85d932608ce35c794357729f8e3a94bcaea8bf71cda8a99b513d13ebaa0cc0bc " + LIST_READY,
            "380efe94c4548c5952580cb1ffffac573082442e6158ae1ae5e6874337e01cec app.open_log(uuid)",
            "119586935db7f06712255e957d91919f4810585fbbef36ed86ed2b76217193c0 " + FIND_NEWS,
            "8046d4d19764e09a1a28f8dc7afe3f5acc82860c27acfa0c8bd75eea9baa49bc app.hold_log(uuid)",
            "fed304e830004fd9a183a0e2164d90807dce25b829ab581a93d3937178d492ea app.find_tenant(text)",
            "98d5ab2bd8d7225cb075c1df318155b497fd2fa9796e3d2be661673385f1639f app.find_caller(bytea[])",
            "d11be2693b36c5590c652cf7ec3ece559cbfddaa94dab74b23ea1b920c302453 app.find_caller(bytea[])",
            "270faa1a8f1110b8a522a383239b1d55a3d998b1c6b2e91bee4294a11e334805 app.find_caller(bytea[])",
            "fd24af0abd0f530b8a35b27f88e6166c1e98896277785f917479f624ffc5603b " + FIND_TENANTS,
            "8b3d6cf07ccfcfbe456c801d502c25a0975821832bc16be8dd2ac844f5bc261e app.freeze_api_key()",
            "99875e5d4c484e2c01ee3e47a266b98f25e193b3e2d1e13a3b86a16a7522ba35 app.freeze_api_key()",
            "20144063e0502a01ffa801d516b96a2f9afdbffb970be696642c3b8ef951ab04 app.confirm_by_event()",
            "2599516e3ae115e36b675d67a42ab76bc40de590caa811ded7b7342ce10d3d5e app.find_superadmin(bytea[])",
            "fff6834db71ba473da4a6dd3955cfa3692b242f93776e84345ee4c3cba03b0f5 " + SEARCH_ARTICLES,
            "44b3c5daddeaf1db5590d63bce781eaf0ad3e3dea6a3eea317dd60b02d791fb5 " + TENANTS_TO_EMBED,
            "b3138e6c9fd0127e2dabded0b4e7c2ebfb8f82714fd66d0a32abe2a475cc18b1 " + TENANTS_INGESTING,
            "df68608c222364262226cf52f4e834496b36c38d420ef2eadb334c441c2f61a7 app.list_tenants(uuid,integer)",
        }
    ),
    guards=frozenset(
        {
            "CREATE TRIGGER freeze_api_key BEFORE DELETE OR UPDATE ON app.api_key "
            "FOR EACH ROW EXECUTE FUNCTION app.freeze_api_key()",
            "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON app.api_key "
            "FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change()",
            "CREATE TRIGGER confirmed_when_made AFTER INSERT ON app.story FOR EACH ROW "
            "WHEN ((new.verified_status = 'verified'::text)) EXECUTE FUNCTION app.confirm_by_event()",
            "CREATE TRIGGER confirmed_when_moved AFTER UPDATE ON app.story FOR EACH ROW "
            "WHEN (((new.verified_status = 'verified'::text) AND ((old.verified_status <> 'verified'::text) "
            "OR (old.verified_position <> new.verified_position)))) EXECUTE FUNCTION app.confirm_by_event()",
        }
    ),
)


class Rule(Struct, frozen=True):
    """``query`` answers what breaks the rule as ``object`` and ``detail``; nothing is good.

    ``exceptions`` names the fields of Expected that the query gets as $1, $2. Names print with their schema, because
    the rules run with pg_catalog as their search path.
    """

    name: str
    query: str
    hint: str
    exceptions: tuple[str, ...] = ()
