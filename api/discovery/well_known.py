"""The documents under /.well-known/loopctl."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec

from api.discovery.schemas import REQUIRED, McpServer, WellKnown
from config.settings import Settings

REPOSITORY = "https://github.com/mkreyman/loopctl"


def well_known(settings: Settings, version: str) -> WellKnown:
    base = settings.base_url()
    return WellKnown(
        spec_version="2",
        mcp_server=McpServer("loopctl-mcp-server", version, REPOSITORY),
        audit_signing_key_url=f"{base}/api/v1/tenants/{{tenant_id}}/audit_public_key",
        capability_scheme_url=f"{base}/wiki/capability-tokens",
        chain_of_custody_spec_url=f"{base}/wiki/chain-of-custody",
        discovery_bootstrap_url=f"{base}/wiki/agent-bootstrap",
        required_agent_pattern_url=f"{base}/wiki/agent-pattern",
        system_articles_endpoint=f"{base}/api/v1/articles/system",
        contact=settings.contact or f"operator@{urlsplit(base).hostname}",
    )


def weak_etag(body: bytes) -> str:
    return f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Weak comparison, in a list or as ``*`` (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    opaque = etag.removeprefix("W/")
    given = [part.strip() for part in if_none_match.split(",")]
    return "*" in given or any(part.removeprefix("W/") == opaque for part in given)


def json_schema(settings: Settings) -> dict[str, Any]:
    """JSON Schema 2020-12 of the document."""
    schema, components = msgspec.json.schema_components([WellKnown], ref_template="#/$defs/{name}")
    found = components.pop(schema[0]["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{settings.base_url()}/.well-known/loopctl/schema.json",
        **found,
        "required": REQUIRED,
        "$defs": components,
    }
