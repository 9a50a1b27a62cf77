"""The routes of skills, for the table of all routes (routes.py)."""

from tests.contract.route import read, write

SKILL = "/skills/{skill_id}"
NEW = {"name": "$name", "prompt_text": "Read it.", "description": "d", "project_id": "$project", "metadata": {}}
RESULT = {
    "skill_version_id": "$applied.1", "verification_result_id": "$applied.2", "story_id": "$applied.3",
    "metrics": {"findings_count": 3},
}  # fmt: skip

SKILLS = (
    write("POST", "/skills", "user+", 201, "user", body=NEW),
    read("/skills", query={"project_id": "$project", "status": "active"}),
    write("POST", "/skills/import", "user+", 200, "user", body={"skills": [NEW], "project_id": "$project"}),
    read(SKILL),
    write("PATCH", SKILL, "user+", 200, "user", body={"description": "other"}),
    write("PUT", SKILL, "user+", 200, "user", body={"description": "other"}),
    write("DELETE", SKILL, "user+", 200, "user"),
    write("POST", SKILL + "/versions", "user+", 201, "user", body={"prompt_text": "Read it twice."}),
    read(SKILL + "/versions"),
    read(SKILL + "/versions/{version}"),
    read(SKILL + "/versions/{version}/diff"),
    read(SKILL + "/versions/{version}/results"),
    read(SKILL + "/stats"),
    read(SKILL + "/cost-performance", "user+", "user"),
    read(SKILL + "/cost-regression", "user+", "user"),
    write("POST", "/skill_results", "=orchestrator,superadmin", 201, "orchestrator", body=RESULT),
)
