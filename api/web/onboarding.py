"""The first steps of a tenant, ticked by what has really happened."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.agents.routes import list_agents_of_tenant
from api.agents.schemas import AgentsQuery
from api.api_keys.routes import list_api_keys
from api.api_keys.schemas import KeysQuery
from api.authenticators.routes import list_authenticators
from api.http.asking import Asking
from api.http.endpoints import SentHeaders
from api.http.page_headers import PAGE
from api.pages import PageQuery
from api.paths import TenantPath
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.services import Provided, Services
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.tenants.routes import show_own_tenant
from api.web.reading import Reader
from api.web.rendering import NO_STORE, page
from api.web.routes import ANY_ACCEPT
from api.web.visitors import find_visitor


class Step(Struct, frozen=True):
    key: str
    title: str
    done: bool
    text: str
    command: str = ""
    link: tuple[str, str] | None = None
    """Address and words of where it is done."""


@get("/tenants/{tenant_id:uuid}/onboarding", opt=ANY_ACCEPT, include_in_schema=False, summary="The first steps")
async def show_onboarding(services: Provided, sent_headers: SentHeaders, tenant_id: TenantPath) -> Response[bytes]:
    """For whoever is signed in to that tenant; everybody else is led to the first page and learns nothing."""
    caller = await find_visitor(services, sent_headers)
    if caller is None or caller.tenant_id != tenant_id or caller.role.rank < 3:
        return Response(b"", status_code=302, media_type="text/html", headers={**PAGE, **NO_STORE, "Location": "/"})
    reader = Reader(services, Asking(caller, None, False))
    whole = await reader.read(show_own_tenant)
    found = page("onboarding.html", tenant=whole["tenant"], steps=await steps(services, reader))
    found.headers.update(NO_STORE)
    return found


async def steps(services: Services, reader: Reader) -> Sequence[Step]:
    tenant = (await reader.read(show_own_tenant))["tenant"]
    keys = await reader.all(list_api_keys, KeysQuery(page_size=100))
    roles = {key["role"] for key in keys}
    touched = (await reader.read(list_authenticators, wanted=PageQuery(page_size=1)))["meta"]["total_count"]
    projects = (await reader.read(list_projects_of_tenant, wanted=ProjectsQuery(page_size=1)))["meta"]["total_count"]
    stories = (await reader.read(list_stories_of_tenant, wanted=StoriesQuery(limit=1)))["meta"]["total_count"]
    agents = (await reader.read(list_agents_of_tenant, wanted=AgentsQuery(page_size=1)))["meta"]["total_count"]
    told = tenant["settings"].get("onboarding")
    completed = told.get("completed", ()) if isinstance(told, dict) else ()
    server = services.settings.base_url()
    return (
        Step("audit_key", "Generate audit signing key", tenant["has_audit_key"],
             "Every tree head of this tenant's log is signed with it, and anybody can check the signatures.",
             f"curl {server}/api/v1/tenants/{tenant['id']}/audit_public_key"),
        Step("second_authenticator", "Enrol a second security key", touched >= 2,
             "The last one cannot be removed, and a lost one is no trouble when there is another.",
             link=("/app/settings", "Settings, security keys")),
        Step("client", "Log in on your machine", any(key["last_used_at"] for key in keys),
             "The command line keeps your API key, and every command below uses it.",
             f"loopctl auth login --server {server}"),
        Step("system_article_tour", "Read the system articles", "system_article_tour" in completed,
             "How agents take part, and what each refusal means. This step is ticked when you say so.",
             "loopctl api PATCH tenants/me --data "
             "'{\"settings\": {\"onboarding\": {\"completed\": [\"system_article_tour\"]}}}'",
             link=("/wiki", "The wiki")),
        Step("keys", "Create API keys for your agents", {"agent", "orchestrator"} <= roles,
             "One of role orchestrator, which verifies and rejects; one of role agent for each agent.",
             "loopctl keys create --name worker-1 --role agent"),
        Step("first_project", "Create your first project", projects > 0, "It holds epics, and they hold stories.",
             "loopctl project create \"My App\" --slug my-app"),
        Step("first_story", "Import your stories", stories > 0, "From one JSON file, or a directory of story files.",
             "loopctl import stories.json --project my-app"),
        Step("first_agent", "Register your first agent", agents > 0, "With its own key; the names are unique.",
             "loopctl agent register --name worker-1 --type implementer"),
        Step("distinct", "Let three identities stand behind each story",
             bool(tenant["settings"].get("require_distinct_verifier")),
             "Implementer, reviewer and verifier are then three: recommended.",
             "loopctl tenant update --setting require_distinct_verifier=true"),
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_onboarding,)
