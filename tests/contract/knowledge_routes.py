"""The routes of the knowledge wiki, for the table of all routes (routes.py)."""

from tests.contract.route import read, write

ARTICLE = "/articles/{article_id}"
NEW = {
    "title": "$name", "body": "Two layers that retry multiply.", "category": "pattern", "tags": ["http"],
    "project_id": "$project", "source_id": "0193a2b4-0000-7000-8000-0000000000aa", "metadata": {},
}  # fmt: skip
LINK = {"source_article_id": "$article", "target_article_id": "$article", "relationship_type": "relates_to"}
PUBLISHED = {"article_id": "$published"}

KNOWLEDGE = (
    write("POST", "/articles", "agent+", 201, "implementer", body=NEW),
    write("POST", "/projects/{project}/articles", "agent+", 201, "implementer", body=NEW),
    read("/articles", query={"project_id": "$project", "status": "draft"}),
    read("/projects/{project}/articles", query={"tags": "http"}),
    read(ARTICLE),
    write("PATCH", ARTICLE, "user+", 200, "user", body={"body": "Other.", "project_id": "$project"}),
    write("PUT", ARTICLE, "user+", 200, "user", body={"body": "Other.", "project_id": "$project"}),
    write("DELETE", ARTICLE, "user+", 200, "user"),
    write("POST", ARTICLE + "/publish", "orchestrator+", 200, "orchestrator"),
    write("POST", ARTICLE + "/unpublish", "user+", 200, "user", ids=PUBLISHED),
    write("POST", ARTICLE + "/archive", "user+", 200, "user"),
    write("POST", "/knowledge/bulk-publish", "user+", 200, "user", body={"article_ids": ["$article"]}),
    read("/knowledge/drafts", "orchestrator+", "orchestrator", query={"project_id": "$project"}),
    write("POST", "/article_links", "agent+", 201, "implementer", body=LINK),
    write("DELETE", "/article_links/{link_id}", "user+", 204, "user"),
    read(ARTICLE + "/links"),
)
