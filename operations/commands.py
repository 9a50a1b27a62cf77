"""Every subcommand."""

from operations import create_superadmin, create_tenant, fsck, list_tenants, rebuild, rewrap_keys, rotate_log_key
from operations.command import OperatorCommand

COMMANDS: tuple[OperatorCommand, ...] = (
    create_tenant.COMMAND,
    create_superadmin.COMMAND,
    list_tenants.COMMAND,
    rebuild.COMMAND,
    fsck.COMMAND,
    rotate_log_key.COMMAND,
    rewrap_keys.COMMAND,
)
