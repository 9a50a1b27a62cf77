"""The files of the Swagger page, without a browser; tests/api/test_swagger_page.py looks at it with one."""

import re
import sys

import pytest

from api.documentation.assets import KINDS, Assets, AssetsMissing
from tests.api.asgi import ask, made


async def test_the_page_names_only_files_that_are_served_from_here() -> None:
    app = made()
    page = await ask(app, "/swaggerui")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert len(named) >= 6
    for target in named:
        assert target.startswith("/")
        assert (await ask(app, target)).status == 200


async def test_the_page_has_no_inline_script_or_style_and_allows_none() -> None:
    page = await ask(made(), "/swaggerui")
    text = page.body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert {"referrer-policy", "cross-origin-opener-policy", "permissions-policy"} <= page.headers.keys()


async def test_the_script_asks_no_validator_and_takes_no_orders_from_the_address() -> None:
    script = (await ask(made(), "/swaggerui/start.js")).body.decode()
    assert "validatorUrl: null" in script
    assert "queryConfigEnabled: false" in script
    assert "http" not in script


@pytest.mark.parametrize(("name", "kind"), [*KINDS.items(), ("start.js", "text/javascript")])
async def test_each_file_has_its_media_type(name: str, kind: str) -> None:
    answer = await ask(made(), f"/swaggerui/{name}")
    assert answer.status == 200
    assert answer.headers["content-type"].removesuffix("; charset=utf-8") == kind
    assert answer.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "name", ["index.html", "LICENSE", "oauth2-redirect.html", "..%2f__init__.py", "../flask_swagger_ui.py", "a/b", "."]
)
async def test_nothing_outside_the_list_can_be_named(name: str) -> None:
    assert (await ask(made(), f"/swaggerui/{name}")).status == 404


async def test_the_short_address_leads_to_the_page_and_the_icon_is_there() -> None:
    app = made()
    answer = await ask(app, "/swagger")
    assert (answer.status, answer.headers["location"]) == (302, "/swaggerui")
    icon = await ask(app, "/favicon.ico")
    assert (icon.status, icon.headers["content-type"]) == (200, "image/png")
    assert icon.body.startswith(b"\x89PNG")


def test_without_the_files_it_is_said_what_to_do() -> None:
    with pytest.raises(AssetsMissing, match="make setup"):
        Assets("no_such_package_here").file("swagger-ui.css")
    with pytest.raises(AssetsMissing, match="make setup"):
        Assets("email").file("swagger-ui.css")
    with pytest.raises(KeyError):
        Assets().file("LICENSE")


def test_the_package_s_code_is_never_imported() -> None:
    Assets().file("swagger-ui.css")
    assert "flask_swagger_ui" not in sys.modules
