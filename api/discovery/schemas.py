"""The answers that say what there is."""

from typing import Annotated

from msgspec import Meta, Struct


class Entry(Struct, frozen=True):
    """Where to go from here."""

    name: Annotated[str, Meta(examples=["loopctl"])]
    version: Annotated[str, Meta(examples=["1.0.0"])]
    docs: Annotated[str, Meta(description="Path of the OpenAPI document", examples=["/api/v1/openapi"])]
    swagger_ui: Annotated[str, Meta(description="Path of the interactive documentation", examples=["/swaggerui"])]
    health: Annotated[str, Meta(description="Path of the health check", examples=["/health"])]


class RouteEntry(Struct, frozen=True):
    """One method of one path."""

    method: Annotated[str, Meta(examples=["GET"])]
    path: Annotated[str, Meta(description="With :name for what varies", examples=["/api/v1/stories/:story_id"])]
    description: Annotated[str, Meta(examples=["Every route with the role that it needs"])]
    role: Annotated[
        str,
        Meta(
            description="public; any key; a least role, as agent+; or exact roles, as =agent,orchestrator",
            examples=["orchestrator+"],
        ),
    ]


class RouteList(Struct, frozen=True):
    routes: list[RouteEntry]
    count: Annotated[int, Meta(ge=0, description="Length of routes")]


class McpServer(Struct, frozen=True):
    """The package that gives agents the tools."""

    name: str
    npm_version: str
    repository_url: str


class WellKnown(Struct, frozen=True):
    """Fixed addresses, made from the configured public address and never from the request. Null where nothing is served
    yet."""

    spec_version: str
    mcp_server: McpServer
    audit_signing_key_url: Annotated[str, Meta(description="URI template with {tenant_id}")]
    contact: str
    capability_scheme_url: str | None = None
    chain_of_custody_spec_url: str | None = None
    discovery_bootstrap_url: str | None = None
    required_agent_pattern_url: str | None = None
    system_articles_endpoint: str | None = None


REQUIRED = [
    "spec_version",
    "mcp_server",
    "audit_signing_key_url",
    "capability_scheme_url",
    "chain_of_custody_spec_url",
    "system_articles_endpoint",
]
"""Members of WellKnown that every version of it has; the others may go."""
