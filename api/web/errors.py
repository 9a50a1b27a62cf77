"""The page of a refusal, for whoever looks at it in a browser."""

from http import HTTPStatus
from urllib.parse import quote

from api.http.errors import ErrorPage, Failure
from api.web.rendering import html


def error_page(failure: Failure, target: str) -> ErrorPage:
    """Says no more than the envelope does. Without a session it leads to the login, and from there back again."""
    if failure.code == "login_needed":
        return ErrorPage(HTTPStatus.SEE_OTHER, b"", {"Location": f"/login?next={quote(target, safe='/')}"})
    if failure.code == "tenant_context_required":  # a superadmin's session, which is of no tenant
        return ErrorPage(HTTPStatus.SEE_OTHER, b"", {"Location": "/app/admin"})
    title = "Page not found" if failure.status == HTTPStatus.NOT_FOUND else HTTPStatus(failure.status).phrase
    message = "There is nothing here, or it is not yours to see." if failure.code == "not_found" else failure.message
    body = html("error.html", {"status": failure.status, "title": title, "message": message})
    return ErrorPage(failure.status, body)
