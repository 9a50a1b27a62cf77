"""How the errors of the knowledge wiki are brought about, for the table of all (faults.py)."""

from collections.abc import Mapping

from tests.contract.fault import Fault
from tests.contract.knowledge_routes import LINK, NEW
from tests.contract.route import V1

ARTICLE = f"{V1}/articles/{{article_id}}"
SUPERSEDES = {**LINK, "relationship_type": "supersedes"}
FILING = (
    Fault("publishing_forbidden", 403, body={**NEW, "status": "published"}),
    Fault("system_scope_forbidden", 403, "user", body={**NEW, "scope": "system"}),
)

KNOWLEDGE_FAULTS: Mapping[str, tuple[Fault, ...]] = {
    f"POST {V1}/articles": FILING,
    f"POST {V1}/projects/{{project}}/articles": FILING,
    **dict.fromkeys(
        (f"PATCH {ARTICLE}", f"PUT {ARTICLE}"),
        (Fault("rejected", 422, state="archived_article", body={"status": "published"}),),
    ),
    f"POST {ARTICLE}/publish": (Fault("rejected", 422, state="published"),),
    f"POST {ARTICLE}/unpublish": (Fault("rejected", 422, state="article"),),
    f"POST {ARTICLE}/archive": (Fault("rejected", 422, state="archived_article"),),
    f"POST {V1}/knowledge/bulk-publish": (Fault("rejected", 422, body={"article_ids": ["$published"]}),),
    f"POST {V1}/article_links": (
        Fault("publishing_forbidden", 403, body=SUPERSEDES),
        Fault("rejected", 422, "orchestrator", body={**SUPERSEDES, "source_article_id": "$archived_article"}),
    ),
}
