"""The deployment files as data, and what they name that does not exist or must not be."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from config.loader import names, secret_names

SETTINGS = {f"LOOPCTL_{name.upper()}" for name in names()}
SECRET_FILES = {f"LOOPCTL_{name.upper()}_FILE" for name in secret_names()}
SECRETS = "/run/secrets/"
PUBLISHED = ("nginx",)
ONE_SHOT = ("migrate", "migrate-post", "backup", "restore")
PRIVATE = ("db", "redis", *ONE_SHOT)

Compose = Mapping[str, Any]


def load(path: Path) -> Compose:
    document: Compose = yaml.safe_load(path.read_text())
    return document


def interpolated(text: str) -> set[str]:
    """Variables that Compose fills in from .env."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


def example_variables(text: str) -> set[str]:
    return set(re.findall(r"^(\w+)=", text, re.MULTILINE))


def wrong_variables(compose: Compose) -> Iterator[str]:
    """Names of ours that are no setting, secrets that are not handed over as files, and files that are not there."""
    for service, settings in compose["services"].items():
        granted = set(settings.get("secrets", ()))
        for name, value in settings.get("environment", {}).items():
            if name.startswith("LOOPCTL_") and name not in SETTINGS | SECRET_FILES:
                yield f"{service}: {name} is not a setting"
            if f"{name}_FILE" in SECRET_FILES:
                yield f"{service}: {name} is a secret and belongs into a file"
            if name.endswith("_FILE") and str(value).removeprefix(SECRETS) not in granted:
                yield f"{service}: {name} names {value}, which is not among its secrets"


def wrong_secrets(compose: Compose, made: set[str]) -> Iterator[str]:
    """``made``: what deploy/generate-secrets makes, relative to the checkout."""
    declared = compose["secrets"]
    used = {secret for settings in compose["services"].values() for secret in settings.get("secrets", ())}
    yield from (f"{name} is used and not declared" for name in sorted(used - declared.keys()))
    yield from (f"{name} is declared and not used" for name in sorted(declared.keys() - used))
    files = {str(PurePosixPath(secret["file"])) for secret in declared.values()}
    yield from (f"{name} is never generated" for name in sorted(files - made))
    yield from (f"{name} is generated for nothing" for name in sorted(made - files))


def unhardened(compose: Compose, image_user: str) -> Iterator[str]:
    """``image_user``: the one that our own image runs as when the service names none."""
    for service, settings in compose["services"].items():
        wanted = {
            "a read-only file system": settings.get("read_only") is True,
            "no capabilities": settings.get("cap_drop") == ["ALL"] and "cap_add" not in settings,
            "no-new-privileges": "no-new-privileges:true" in settings.get("security_opt", ()),
            "an ordinary user": settings.get("user", image_user if "build" in settings else "root")
            not in ("root", "0"),
            "no published port": service in PUBLISHED or "ports" not in settings,
            "a health check": service in ONE_SHOT or "healthcheck" in settings,
            "a tag": ":" in settings["image"] and (not settings["image"].endswith(":latest") or "build" in settings),
            "private networks": service not in PRIVATE
            or all(_is_internal(compose, net) for net in settings["networks"]),
        }
        yield from (f"{service} lacks {what}" for what, there in wanted.items() if not there)


def missing_paths(compose: Compose, checkout: Path) -> Iterator[str]:
    """Modules, programs of our image and mounted files that the services name and the checkout does not have."""
    for service, settings in compose["services"].items():
        words = _words(settings)
        for flag, module in itertools.pairwise(words):
            if flag == "-m" and not (checkout / module / "__main__.py").is_file():
                yield f"{service}: python -m {module}"
        for word in words:
            if (
                word.startswith("/app/bin/")
                and not (checkout / "deploy/bin" / word.removeprefix("/app/bin/")).is_file()
            ):
                yield f"{service}: {word}"
        for mount in settings.get("volumes", ()):
            source = mount.partition(":")[0]
            if source.startswith(".") and not (checkout / source).is_file():
                yield f"{service}: {source}"


def copied(dockerfile: str) -> set[str]:
    """What the last stage takes from the checkout."""
    last = dockerfile.rpartition("\nFROM ")[2]
    lines = [line.split()[1:] for line in last.splitlines() if line.startswith("COPY ") and "--from=" not in line]
    return {source for words in lines for source in words[:-1]}


def _words(settings: Mapping[str, Any]) -> list[str]:
    checks = settings.get("healthcheck", {}).get("test", [])
    return [str(word) for part in ("entrypoint", "command") for word in settings.get(part, [])] + list(checks)


def _is_internal(compose: Compose, network: str) -> bool:
    return compose["networks"][network].get("internal") is True
