"""The page of a refusal, for whoever looks at it in a browser."""

from http import HTTPStatus

from api.http.errors import Failure
from api.web.rendering import html


def error_page(failure: Failure) -> bytes:
    """Says no more than the envelope does."""
    title = "Page not found" if failure.status == HTTPStatus.NOT_FOUND else HTTPStatus(failure.status).phrase
    message = "There is nothing here, or it is not yours to see." if failure.code == "not_found" else failure.message
    return html("error.html", {"status": failure.status, "title": title, "message": message})
