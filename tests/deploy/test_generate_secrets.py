"""deploy/generate-secrets, run for real in a copy of its folder."""

import hashlib
import shutil
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from config.keys import parse_keys

SCRIPT = Path(__file__).parents[2] / "deploy" / "generate-secrets"


def generate(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(SCRIPT, folder)
    command = [str(folder / SCRIPT.name)]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)


def contents(folder: Path) -> dict[str, str]:
    files = [*(folder / "secrets").iterdir(), *(folder / "certs").iterdir()]
    return {file.name: file.read_text().strip() for file in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy")
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A deployment whose secrets are there already."""
    return Path(shutil.copytree(made, tmp_path / "deploy"))


def test_nobody_else_on_the_machine_reaches_a_secret(made: Path) -> None:
    assert [stat.S_IMODE((made / name).stat().st_mode) for name in ("secrets", "certs")] == [0o700, 0o700]


def test_a_container_with_a_user_of_its_own_can_read_its_secret(made: Path) -> None:
    files = [*(made / "secrets").iterdir(), *(made / "certs").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o444}


def test_the_service_takes_the_generated_keys(made: Path) -> None:
    rings = [parse_keys((made / "secrets" / ring).read_text().strip()) for ring in ("keks", "peppers")]
    assert [len(ring) for ring in rings] == [1, 1]
    assert rings[0] != rings[1]


def test_every_role_has_a_password_of_its_own_that_needs_no_quoting_in_an_address(made: Path) -> None:
    passwords = [text for name, text in contents(made).items() if name.endswith("_password")]
    assert len(set(passwords)) == 7
    assert all(password.isalnum() and len(password) == 48 for password in passwords)


def test_addresses_carry_the_passwords_of_their_roles(made: Path) -> None:
    found = contents(made)
    parts = urlsplit(found["app_database_url"])
    assert (parts.username, parts.password, parts.hostname) == ("loopctl_app", found["app_password"], "db")
    assert urlsplit(found["redis_url"]).password == found["redis_password"]


def test_redis_knows_only_the_hash_of_its_password(made: Path) -> None:
    found = contents(made)
    assert hashlib.sha256(found["redis_password"].encode()).hexdigest() in found["redis_acl"]
    assert found["redis_password"] not in found["redis_acl"]


def test_the_certificate_belongs_to_its_key(made: Path) -> None:
    certificate = load_pem_x509_certificate((made / "certs" / "selfsigned.crt").read_bytes())
    key = load_pem_private_key((made / "certs" / "selfsigned.key").read_bytes(), password=None)
    assert certificate.public_key() == key.public_key()


def test_a_second_run_changes_nothing(copy: Path) -> None:
    before = contents(copy)
    assert generate(copy).returncode == 0
    assert contents(copy) == before


def test_a_deleted_password_is_made_anew_and_its_address_with_it(copy: Path) -> None:
    before = contents(copy)
    (copy / "secrets" / "app_password").unlink()
    assert generate(copy).returncode == 0
    after = contents(copy)
    assert {name for name in after if after[name] != before[name]} == {"app_password", "app_database_url"}
    assert after["app_password"] in after["app_database_url"]


def test_a_key_made_by_hand_is_kept_and_made_readable(copy: Path) -> None:
    key = copy / "certs" / "selfsigned.key"
    before = key.read_text()
    key.chmod(0o600)
    assert generate(copy).returncode == 0
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == (before, 0o444)


def test_a_key_without_its_certificate_is_refused_rather_than_replaced(copy: Path) -> None:
    key, certificate = copy / "certs" / "selfsigned.key", copy / "certs" / "selfsigned.crt"
    before = key.read_text()
    certificate.unlink()
    refused = generate(copy)
    assert refused.returncode == 1
    assert "without its certificate" in refused.stderr
    assert key.read_text() == before


def test_when_the_random_source_fails_no_half_made_secret_is_left(tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "openssl"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    assert generate(tmp_path, PATH=f"{broken.parent}:/usr/bin:/bin").returncode != 0
    assert list((tmp_path / "secrets").iterdir()) == []
