"""The deployment files name only what exists, and every container is as closed as it can be.

There is no container engine where the tests run: what a file says is held against the code and against each other.
"""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api.http.codes import CODES
from api.http.limits import LARGE_BODY_BYTES
from tests.house.deployment import (
    Compose,
    copied,
    example_variables,
    interpolated,
    load,
    missing_paths,
    unhardened,
    wrong_secrets,
    wrong_variables,
)
from tests.house.tree import CHECKOUT, server_packages

COMPOSE = load(CHECKOUT / "compose.yaml")
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
NGINX = (CHECKOUT / "deploy/nginx.conf").read_text()
IMAGE_USER = "10001:10001"


def generated() -> set[str]:
    """What deploy/generate-secrets writes, read off its text; tests/deploy runs it."""
    text = (CHECKOUT / "deploy/generate-secrets").read_text()
    roles = re.search(r"for role in ([a-z ]+); do", text)
    rings = re.search(r"for ring in ([a-z ]+); do", text)
    assert roles
    assert rings
    made = {f"secrets/{role}_password" for role in roles[1].split()} | {f"secrets/{ring}" for ring in rings[1].split()}
    made |= set(re.findall(r"^derive (secrets/\w+)", text, re.MULTILINE))
    made |= set(re.findall(r"put (certs/[\w.]+)", text))
    return {f"deploy/{name}" for name in made}


def changed(service: str, **settings: Any) -> Compose:
    """The real file with some settings of one service changed: the controls."""
    compose = copy.deepcopy(dict(COMPOSE))
    compose["services"][service].update(settings)
    return compose


def test_services_are_given_only_variables_that_are_settings() -> None:
    """Goes red as the control below does."""
    assert list(wrong_variables(COMPOSE)) == []


def test_a_variable_that_is_no_setting_is_found() -> None:
    environment = {"LOOPCTL_DATABSE_URL": "x", "LOOPCTL_REDIS_URL": "y", "LOOPCTL_KEKS_FILE": "/run/secrets/keys"}
    assert list(wrong_variables(changed("app", environment=environment))) == [
        "app: LOOPCTL_DATABSE_URL is not a setting",
        "app: LOOPCTL_REDIS_URL is a secret and belongs into a file",
        "app: LOOPCTL_KEKS_FILE names /run/secrets/keys, which is not among its secrets",
    ]


def test_every_secret_is_generated_declared_and_used() -> None:
    """Goes red as the control below does."""
    assert list(wrong_secrets(COMPOSE, generated())) == []


def test_a_secret_that_nobody_makes_or_declares_is_found() -> None:
    assert list(wrong_secrets(changed("app", secrets=["session_key"]), generated() - {"deploy/secrets/redis_acl"})) == [
        "session_key is used and not declared",
        "app_database_url is declared and not used",
        "peppers is declared and not used",
        "deploy/secrets/redis_acl is never generated",
    ]


def test_only_the_migrating_services_hold_the_administrators_passwords() -> None:
    """Went red when `migrator_password` was added to the secrets of `app`."""
    holders = {
        service
        for service, settings in COMPOSE["services"].items()
        if {"migrator_password", "admin_database_url"} & set(settings.get("secrets", ()))
    }
    assert holders == {"migrate", "migrate-post"}


def test_every_container_is_hardened() -> None:
    """Goes red as the control below does."""
    assert f"\nUSER {IMAGE_USER}\n" in DOCKERFILE.rpartition("\nFROM ")[2]
    assert list(unhardened(COMPOSE, IMAGE_USER)) == []


@pytest.mark.parametrize(
    ("service", "settings", "lacks"),
    [
        ("app", {"read_only": False}, "a read-only file system"),
        ("app", {"cap_add": ["SYS_ADMIN"]}, "no capabilities"),
        ("worker", {"security_opt": []}, "no-new-privileges"),
        ("nginx", {"user": "root"}, "an ordinary user"),
        ("db", {"ports": ["5432:5432"]}, "no published port"),
        ("redis", {"healthcheck": None, "networks": ["edge"]}, "private networks"),
        ("db", {"image": "postgres:latest"}, "a tag"),
    ],
)
def test_a_container_that_is_open_is_found(service: str, settings: dict[str, Any], lacks: str) -> None:
    assert list(unhardened(changed(service, **settings), IMAGE_USER)) == [f"{service} lacks {lacks}"]


def test_the_files_and_modules_that_services_run_exist() -> None:
    """Goes red as the control below does, and when workers/__main__.py is renamed."""
    assert list(missing_paths(COMPOSE, CHECKOUT)) == []


def test_a_program_that_does_not_exist_is_found() -> None:
    compose = changed("app", command=["python", "-m", "apii"], volumes=["./deploy/nginx.cfg:/x:ro"])
    compose["services"]["worker"]["command"] = ["/app/bin/work"]
    assert list(missing_paths(compose, CHECKOUT)) == [
        "app: python -m apii",
        "app: ./deploy/nginx.cfg",
        "worker: /app/bin/work",
    ]


def test_what_env_example_offers_is_what_compose_reads() -> None:
    """Went red when LOOPCTL_CONTACT was taken out of .env.example."""
    offered = example_variables((CHECKOUT / ".env.example").read_text())
    assert offered == interpolated((CHECKOUT / "compose.yaml").read_text())


def test_the_image_holds_every_package_of_the_server_but_the_supervisor() -> None:
    """Went red when the COPY of `eventstore` was taken out of the Dockerfile."""
    folders = {*server_packages(), "loopctl"} - {"supervisor"}
    assert copied(DOCKERFILE) == folders | {"LICENSE", "deploy/bin"}


def test_the_builder_gets_what_the_image_copies_and_nothing_else() -> None:
    """Went red when `!deploy` was written into .dockerignore for `!deploy/bin`."""
    lines = (CHECKOUT / ".dockerignore").read_text().split()
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "\n*\n" in (CHECKOUT / ".dockerignore").read_text()
    assert let_through == copied(DOCKERFILE) | {"requirements.lock", "requirements-assets.lock"}


def test_what_is_installed_in_the_image_is_checked_by_hash() -> None:
    """Went red when --require-hashes was taken out of one line."""
    joined = DOCKERFILE.replace("\\\n", " ")
    installs = [part for part in re.split(r"&&|\n", joined) if re.search(r"\bpip\b.* install\b", part)]
    assert len(installs) == 2
    assert [line for line in installs if "--require-hashes" not in line or "--only-binary :all:" not in line] == []


def test_base_images_are_named_with_a_version() -> None:
    """Went red for `FROM python:slim`."""
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images
    assert [image for image in images if not re.fullmatch(r"[a-z]+:\d+(\.\d+)*(-\w+)?", image)] == []


def test_nginx_passes_on_to_the_service_and_port_that_compose_runs() -> None:
    """Went red when the service was renamed and when LOOPCTL_PORT was changed."""
    [(service, port)] = re.findall(r"^\s+server (\w+):(\d+)", NGINX, re.MULTILINE)
    assert COMPOSE["services"][service]["environment"]["LOOPCTL_PORT"] == port
    shared = set(COMPOSE["services"]["nginx"]["networks"]) & set(COMPOSE["services"][service]["networks"])
    assert shared == {"front"}


def test_nginx_reads_the_certificate_that_compose_hands_over() -> None:
    """Went red when a secret of the service `nginx` was renamed."""
    read = set(re.findall(r"/run/secrets/(\w+)", NGINX))
    assert read == set(COMPOSE["services"]["nginx"]["secrets"])


def test_nginx_listens_where_compose_publishes() -> None:
    """Went red when 8443 was changed in one of the two."""
    listened = set(re.findall(r"listen (?:\[::\]:)?(\d+)", NGINX))
    assert {f"{port}:{port}" for port in listened} == set(COMPOSE["services"]["nginx"]["ports"])


def test_nginx_takes_the_largest_body_that_the_api_takes() -> None:
    """Went red for `client_max_body_size 9m`."""
    [mebibytes] = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    assert int(mebibytes) * 1024 * 1024 == LARGE_BODY_BYTES


def test_errors_of_nginx_itself_are_errors_of_the_contract() -> None:
    """Went red when a code in deploy/nginx.conf was misspelt."""
    answers = [(int(status), json.loads(body)) for status, body in re.findall(r"return (\d+) '(\{.*\})';", NGINX)]
    assert len(answers) > 5
    for status, body in answers:
        error = body["error"]
        assert (status, error["status"]) == (CODES[error["code"]].status,) * 2


def test_nginx_hides_the_metrics() -> None:
    """Went red when the location was taken out of deploy/nginx.conf."""
    assert re.search(r"location /metrics \{\s+return 404;", NGINX)


def test_generated_secrets_are_ignored_by_git() -> None:
    """Went red when deploy/.gitignore was removed."""
    paths = [*sorted(generated()), ".env"]
    command = ["git", "check-ignore", *paths]
    ignored = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=180)
    assert ignored.stdout.split() == paths


def test_scripts_of_the_deployment_are_executable() -> None:
    """Went red for mode 0644 on deploy/bin/migrate."""
    scripts = [CHECKOUT / "deploy/generate-secrets", *Path(CHECKOUT / "deploy/bin").iterdir()]
    assert [str(script) for script in scripts if not script.stat().st_mode & 0o100] == []
