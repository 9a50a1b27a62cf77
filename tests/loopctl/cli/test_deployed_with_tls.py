"""Before nginx with a certificate of its own making, as the deployment guide has it: what it is, and what helps."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import create_connection, create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, Stub, stub
from tests.support.guarded import guarded
from tests.support.nginx import find

pytestmark = pytest.mark.nginx

ID = "0193a2b4-0000-7000-8000-000000000001"
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{plain}; return 301 https://127.0.0.1:{secure}$request_uri; }}
    server {{
        listen 127.0.0.1:{secure} ssl; ssl_certificate {folder}/own.pem; ssl_certificate_key {folder}/own.key;
        location / {{ proxy_pass {behind}; }}
    }}
}}
"""


class Deployed(Struct, frozen=True):
    """``behind`` is what nginx asks."""

    folder: Path
    plain: str
    secure: str
    behind: Stub

    @property
    def certificate(self) -> Path:
        return self.folder / "own.pem"


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    with stub(Answer(200, {"data": [], "meta": {"total_count": 0}})) as behind, nginx(tmp_path, behind) as made:
        yield made


def certify(folder: Path, *, days: int = 30, name: str = "127.0.0.1") -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    own = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(called).issuer_name(called).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([own]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    (folder / "own.pem").write_bytes(made.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "own.key").write_bytes(secret)


@contextmanager
def nginx(folder: Path, behind: Stub, *, days: int = 30, name: str = "127.0.0.1") -> Iterator[Deployed]:
    certify(folder, days=days, name=name)
    with create_server(("127.0.0.1", 0)) as one, create_server(("127.0.0.1", 0)) as other:
        plain, secure = one.getsockname()[1], other.getsockname()[1]
    text = CONFIGURATION.format(folder=folder, plain=plain, secure=secure, behind=behind.address)
    (folder / "nginx.conf").write_text(text)
    command = [str(find()), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    process = guarded(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    try:
        wait_until_up(secure, process)
        yield Deployed(folder, f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}", behind)
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        try:
            create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert process.poll() is None, "nginx does not start"
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not answer")


def test_a_redirect_says_the_address_and_nothing_follows_it(alone: Shell, deployed: Deployed) -> None:
    """Was "None"."""
    said = alone("next", "--server", deployed.plain)
    assert (said.code, said.error()["error"]["code"]) == (1, "moved")
    assert f"loopctl config set server {deployed.secure} " in said.error()["hint"]
    assert deployed.behind.asked == []


def test_a_certificate_of_ones_own_making_is_said_at_once_with_what_helps(alone: Shell, deployed: Deployed) -> None:
    """Were four attempts, and "Is it running?"."""
    said = alone("next", "--server", deployed.secure)
    assert (said.code, said.error()["error"]["code"]) == (1, "untrusted")
    assert "self-signed certificate" in said.error()["error"]["message"]
    assert "LOOPCTL_CA_BUNDLE" in said.error()["hint"]
    assert "again" not in said.err
    assert deployed.behind.asked == []


def test_the_variable_helps(alone: Shell, deployed: Deployed) -> None:
    """The control."""
    alone.environment(CA_BUNDLE=str(deployed.certificate))
    said = alone("next", "--server", deployed.secure)
    assert (said.code, len(deployed.behind.asked)) == (0, 1), said.err
    assert '"good"' in alone("doctor", "--server", deployed.secure, "--fields", "check,result").out


def test_any_certificate_is_trusted_only_aloud(alone: Shell, deployed: Deployed) -> None:
    """The variable was known, and did nothing."""
    alone.environment(INSECURE_TLS="1")
    said = alone("next", "--server", deployed.secure)
    assert (said.code, "LOOPCTL_INSECURE_TLS" in said.err) == (0, True)
    alone.environment(INSECURE_TLS="perhaps")
    assert alone("next", "--server", deployed.secure).code == 2


def test_a_check_of_the_log_is_told_the_same(alone: Shell, deployed: Deployed) -> None:
    said = alone("log", "fsck", f"{deployed.secure}/t/{ID}")
    assert (said.code, "LOOPCTL_CA_BUNDLE" in said.out) == (1, True)


def test_doctor_says_it_too(alone: Shell, deployed: Deployed) -> None:
    for server, word in ((deployed.plain, deployed.secure), (deployed.secure, "LOOPCTL_CA_BUNDLE")):
        said = alone("doctor", "--server", server)
        assert (said.code, word in said.out) == (10, True)


def test_plain_http_to_the_port_of_tls_is_said(alone: Shell, deployed: Deployed) -> None:
    """Was nginx's page."""
    said = alone("next", "--server", deployed.secure.replace("https", "http"))
    assert (said.error()["error"]["code"], deployed.secure in said.error()["hint"]) == ("needs_tls", True)


def test_tls_to_a_port_of_plain_http_is_said(alone: Shell, deployed: Deployed) -> None:
    said = alone("next", "--server", deployed.plain.replace("http", "https"))
    assert (said.error()["error"]["code"], deployed.plain in said.error()["hint"]) == ("no_tls", True)


@pytest.mark.parametrize(
    ("days", "name", "word"), [(-1, "127.0.0.1", "expired"), (30, "elsewhere.example", "mismatch")]
)
def test_what_is_wrong_with_a_certificate_is_said(
    alone: Shell, tmp_path: Path, days: int, name: str, word: str
) -> None:
    with stub(Answer(200, {})) as behind, nginx(tmp_path, behind, days=days, name=name) as made:
        alone.environment(CA_BUNDLE=str(made.certificate))
        said = alone("next", "--server", made.secure)
    assert (said.code, word in said.error()["error"]["message"]) == (1, True)


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_bundle_that_is_none_is_said(alone: Shell, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "bundle.pem"
    if content is not None:
        file.write_text(content)
    alone.environment(CA_BUNDLE=str(file))
    said = alone("next", "--server", "https://127.0.0.1:9")
    assert (said.code, str(file) in said.error()["error"]["message"]) == (2, True)
