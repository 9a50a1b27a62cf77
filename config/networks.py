"""A list of networks as a setting."""

from ipaddress import IPv4Network, IPv6Network, ip_network


class Networks:
    """``networks`` are what the text names: CIDR, separated by commas. Raises ValueError for anything else."""

    def __init__(self, text: str = "") -> None:
        self._text = text
        self.networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(part.strip()) for part in text.split(",") if part.strip()
        )

    def __str__(self) -> str:
        return self._text
