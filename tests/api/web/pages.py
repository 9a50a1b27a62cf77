"""Every page and file of the service that is no route of the API: method, path, and who may."""

PUBLIC = (
    "/assets/:name", "/design", "/docs", "/terms", "/privacy", "/robots.txt", "/favicon.ico", "/images/:name", "/login",
    "/tenants/:tenant_id/onboarding", "/wiki", "/wiki/:slug", "/verify", "/verify/:rest",
)  # fmt: skip
SIGNING_IN = ("/login/challenge", "/login/passkey", "/login/key")
ANYBODYS = (
    "/app", "/app/live", "/app/inbox", "/app/costs", "/app/knowledge",
    "/app/knowledge/:article_id", "/app/projects/:project/board", "/app/projects/:project/board/live",
    "/app/projects/:project/graph", "/app/stories/:story_id",
)  # fmt: skip
ORCHESTRATORS = ("/app/agents", "/app/custody", "/app/custody/entries/:position", "/app/custody/heads")
USERS = (
    "/app/custody/export",
    "/app/webhooks", "/app/webhooks/:webhook_id", "/app/webhooks/:webhook_id/deliveries/:delivery_id",
    "/app/webhooks/:webhook_id/deliveries/:delivery_id/attempts", "/app/settings",
)  # fmt: skip

SUPERADMINS = ("/app/admin", "/app/admin/tenants/:tenant_id")

PAGES = [
    *(("GET", path, "public") for path in PUBLIC),
    *(("POST", path, "public") for path in SIGNING_IN),
    *(("GET", path, "agent+") for path in ANYBODYS),
    *(("GET", path, "orchestrator+") for path in ORCHESTRATORS),
    *(("GET", path, "user+") for path in USERS),
    *(("GET", path, "=superadmin") for path in SUPERADMINS),
    ("POST", "/logout", "any"),
    ("POST", "/app/sessions/end", "agent+"),
]
