"""`loopctl log rotate-key`."""

from loopctl.cli.options import PLAIN, Common
from loopctl.cli.session import session
from loopctl.cli.settings import OWNING


def rotate_key(*, reason: str = "scheduled", common: Common = PLAIN) -> None:
    """Give the log of your tenant a new key. Who trusts the old one can follow to it; heads from before stay good.

    Parameters
    ----------
    reason
        A lower-case word, which stands in the log. With compromise, for a key that others have, the old one ends at
        once.
    """
    with session(common, OWNING) as asked:
        tenant = asked.client.get("tenants/me")["tenant"]["id"]
        asked.show(asked.client.post(f"tenants/{tenant}/rotate-audit-key", {"reason": reason}))
