"""An address that somebody wrote down, read strictly: what two parsers could read differently is refused."""

import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

import idna
from msgspec import Struct

from config.settings import Settings
from egress.addresses import Address, Network, is_public, is_within, parse_address

LONGEST_URL = 255
PORTS = {"https": 443, "http": 80}

ODD = re.compile(r"[\x00-\x20\x7f\\]")
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
PATH = re.compile(r"[!-~]*")
NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
INTERNAL = ("local", "internal", "localhost", "localdomain", "lan", "home", "corp", "intranet", "arpa", "onion")
"""Last labels of names that are nobody's on the public network."""


class EgressRefused(Exception):
    """Nothing was connected to, and nothing would be. ``problem`` is said to whoever chose the address; it tells
    nothing of what a name leads to."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Destination(Struct, frozen=True):
    """``host`` is in lower case and ASCII; ``target`` the path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_internal_name(self) -> bool:
        labels = self.host.split(".")
        return parse_address(self.host) is None and (len(labels) == 1 or labels[-1] in INTERNAL)


class Rules(Struct, frozen=True, kw_only=True):
    """What the operator allows. Within ``networks`` any port and any name may be used; ``http`` allows unencrypted
    requests. ``own_host`` and ``own_port`` are those of this service. ``lookup``: whether names can be looked up
    where it is only checked."""

    networks: Sequence[Network] = ()
    http: bool = False
    lookup: bool = True
    own_host: str = ""
    own_port: int = 0


def rules_of(settings: Settings) -> Rules:
    """What the operator has set."""
    own = urlsplit(settings.base_url())
    host = (own.hostname or "").lower()
    with suppress(EgressRefused):  # an address that could not be sent to needs no comparison
        host = _host(own.netloc, host)
    return Rules(
        networks=settings.egress_allow.networks if settings.egress_allow else (),
        http=settings.egress_allow_http,
        lookup=settings.egress_lookup,
        own_host=host,
        own_port=own.port or PORTS.get(own.scheme, 0),
    )


def parse_destination(rules: Rules, url: str, longest: int = LONGEST_URL) -> Destination:
    """Raises EgressRefused."""
    if len(url) > longest:
        raise EgressRefused(f"should be at most {longest} character(s)")
    if ODD.search(url):
        raise EgressRefused("must have no blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("is not a URL") from None
    if parts.scheme not in PORTS or not url[len(parts.scheme) :].startswith("://"):
        raise EgressRefused("must begin with https://")
    if parts.scheme == "http" and not rules.http:
        raise EgressRefused("must begin with https://: this service sends nothing unencrypted")
    if parts.netloc.endswith(":") or port == 0:
        raise EgressRefused("has no port that could be connected to")
    host = _host(parts.netloc, parts.hostname or "")
    found = Destination(parts.scheme, host, port or PORTS[parts.scheme], _target(url, parts))
    if host == rules.own_host and (parse_address(host) is None or found.port == rules.own_port):
        raise EgressRefused("must not be this service itself")
    return found


def check_addresses(rules: Rules, destination: Destination, addresses: Sequence[str]) -> tuple[Address, ...]:
    """What may be connected to. One bad answer refuses all. Raises EgressRefused."""
    if not addresses:
        raise EgressRefused("cannot be resolved")
    found = tuple(_allowed(rules, destination, text) for text in addresses)
    return tuple(dict.fromkeys(found))


def check_spelling(rules: Rules, destination: Destination) -> None:
    """Of a destination that cannot be looked up here all that can be said. Raises EgressRefused."""
    if parse_address(destination.host) is not None:
        check_addresses(rules, destination, [destination.host])
    elif not rules.networks and (destination.is_internal_name or destination.port != PORTS[destination.scheme]):
        raise EgressRefused("must be an address on the public network, at the port of its scheme")


def _allowed(rules: Rules, destination: Destination, text: str) -> Address:
    address = parse_address(text)
    if address is not None and is_within(address, rules.networks):
        return address
    if destination.is_internal_name or address is None or not is_public(address):
        raise EgressRefused("must be an address on the public network")
    if destination.port != PORTS[destination.scheme]:
        raise EgressRefused(f"must have port {PORTS[destination.scheme]}")
    return address


def _target(url: str, parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise EgressRefused("must have no user name or password")
    if "#" in url:
        raise EgressRefused("must have no fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not PATH.fullmatch(target):
        raise EgressRefused("must have a path in ASCII: encode other characters with %")
    return target


def _host(netloc: str, host: str) -> str:
    if netloc.startswith("["):
        address = parse_address(host)
        if address is None or "%" in host:
            raise EgressRefused("has no address between its brackets")
        return str(address)
    if not host or "%" in host or "," in host:
        raise EgressRefused("has no host that could be looked up")
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise EgressRefused("has a host that is no name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise EgressRefused("has a host that is no name")
    if NUMBER.fullmatch(labels[-1]) and parse_address(name) is None:
        raise EgressRefused("has a number for a host: write an IPv4 address as four decimal numbers")
    return name
