"""A project as the documentation shows it."""

from typing import Any

PROJECT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000002",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "name": "My App",
    "slug": "my-app",
    "repo_url": None,
    "description": None,
    "tech_stack": None,
    "status": "active",
    "mission": None,
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
META: dict[str, int] = {"page": 1, "page_size": 20, "total_count": 1, "total_pages": 1, "limit": 20, "offset": 0}
