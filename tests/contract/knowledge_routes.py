"""The routes of the knowledge wiki, for the table of all routes (routes.py)."""

from tests.contract.route import read, write

ARTICLE = "/articles/{article_id}"
NEW = {
    "title": "$name", "body": "Two layers that retry multiply.", "category": "pattern", "tags": ["http"],
    "project_id": "$project", "source_id": "0193a2b4-0000-7000-8000-0000000000aa", "metadata": {},
}  # fmt: skip
OF_PROJECT = {name: value for name, value in NEW.items() if name != "project_id"}
LINK = {"source_article_id": "$article", "target_article_id": "$article", "relationship_type": "relates_to"}
PUBLISHED = {"article_id": "$published"}

KNOWLEDGE = (
    write("POST", "/articles", "agent+", 201, "implementer", body=NEW),
    write("POST", "/projects/{project}/articles", "agent+", 201, "implementer", body=OF_PROJECT),
    read("/articles", query={"project_id": "$project", "status": "draft"}),
    read("/projects/{project}/articles", query={"tags": "http"}),
    read(ARTICLE, ids={"article_id": "$the_article"}, query={"project_id": "$project", "story_id": "$story"}),
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
    read("/knowledge/pipeline", "orchestrator+", "orchestrator"),
    read("/knowledge/export", "orchestrator+", "orchestrator"),
    read("/projects/{project}/knowledge/export", "orchestrator+", "orchestrator"),
    read("/knowledge/lint", "orchestrator+", "orchestrator", query={"project_id": "$project", "stale_days": "7"}),
    read("/projects/{project}/knowledge/lint", "orchestrator+", "orchestrator", query={"min_coverage": "2"}),
    read(
        "/knowledge/analytics/top-articles",
        "orchestrator+",
        "orchestrator",
        query={"project_id": "$project", "group_by": "agent"},
    ),
    read("/knowledge/analytics/unused-articles", "orchestrator+", "orchestrator"),
    read("/knowledge/analytics/agents/{reader_id}", "orchestrator+", "orchestrator", ids={"reader_id": "$agent"}),
    read("/knowledge/analytics/projects/{project}/usage", "orchestrator+", "orchestrator"),
    read("/knowledge/articles/{article_id}/stats", "orchestrator+", "orchestrator"),
    write(
        "POST",
        "/knowledge/ingest",
        "orchestrator+",
        202,
        "orchestrator",
        body={"content": "$name", "source_type": "manual", "project_id": "$project"},
    ),
    write(
        "POST",
        "/knowledge/ingest/batch",
        "orchestrator+",
        200,
        "orchestrator",
        body={"items": [{"content": "$name", "source_type": "manual", "project_id": "$project"}]},
    ),
    read("/knowledge/ingestion-jobs", "orchestrator+", "orchestrator"),
    read("/knowledge/search", query={"q": "retry", "project_id": "$project", "story_id": "$story", "tags": "http"}),
    read("/knowledge/index", query={"project_id": "$project"}),
    read("/projects/{project}/knowledge/index"),
    read("/knowledge/context", query={"query": "retry", "project_id": "$project", "story_id": "$story"}),
)
