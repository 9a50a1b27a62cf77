"""All of them, in the order in which guides name them."""

from collections.abc import Sequence

from msgspec import UNSET

from loopctl.mcp.arguments import Arguments
from loopctl.mcp.compatible import costs, knowledge, planning, working
from loopctl.mcp.compatible.asking import Id, MaybeName, Nothing, asks
from loopctl.mcp.tools import READS, Tool


class OfTenant(Arguments, frozen=True, kw_only=True):
    tenant_id: Id


class SystemArticles(Arguments, frozen=True, kw_only=True):
    slug: MaybeName = UNSET
    category: MaybeName = UNSET


DISCOVERY = (
    Tool("list_routes", "Routes", READS, Nothing, asks("GET", "routes"), "Every route of the server.", key="public"),
    Tool(
        "get_sth", "Signed head", READS, OfTenant, asks("GET", "audit/sth/{tenant_id}"),
        "The newest signed head of a tenant's log.", key="public",
    ),
    Tool(
        "get_system_articles", "System articles", READS, SystemArticles, asks("GET", "articles/system"),
        "What loopctl says of itself.", key="public",
    ),
)  # fmt: skip

TOOLS: Sequence[Tool] = (*planning.TOOLS, *working.TOOLS, *costs.TOOLS, *knowledge.TOOLS, *DISCOVERY)
