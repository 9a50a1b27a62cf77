"""Whose certificates are believed: those of this machine and of LOOPCTL_CA_BUNDLE; with LOOPCTL_INSECURE_TLS=1, any."""

import os
import ssl

BUNDLE = "LOOPCTL_CA_BUNDLE"


INSECURE = "LOOPCTL_INSECURE_TLS"


class BadBundle(Exception):
    """A variable names no file of certificates, or is neither yes nor no."""


def trusting() -> ssl.SSLContext:
    """Raises BadBundle."""
    context = ssl.create_default_context()
    if file := os.environ.get(BUNDLE):
        try:
            context.load_verify_locations(file)
        except OSError as error:  # an SSLError is one
            problem = "it holds no certificates (PEM)" if isinstance(error, ssl.SSLError) else error.strerror
            raise BadBundle(f"{BUNDLE} is {file}: {problem}") from None
    if insecure():
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def insecure() -> bool:
    """Raises BadBundle."""
    said = os.environ.get(INSECURE, "").lower()
    if said not in ("", "0", "1", "false", "true"):
        raise BadBundle(f"{INSECURE} is 1 or 0, not {said}")
    return said in ("1", "true")


def distrust(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """What is wrong with a certificate, and what helps."""
    said = error.verify_message.rstrip(".")
    if "expired" in said or "not yet valid" in said:
        return said, "Whoever runs it has to renew it; or is the clock of this machine wrong?"
    if "mismatch" in said.lower():
        return said, "Use the name that is in the certificate: loopctl config set server URL"
    return (
        said,
        f"If it is yours, trust its certificate: {BUNDLE}=FILE (PEM). {INSECURE}=1 trusts any.",
    )
