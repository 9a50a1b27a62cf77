"""Every subcommand."""

from operations import (
    check_state,
    create_superadmin,
    create_tenant,
    export_texts,
    fsck,
    list_superadmins,
    list_tenants,
    rebuild,
    record_digest,
    revoke_superadmin,
    rewrap_keys,
    rotate_log_key,
    scrub,
)
from operations.command import OperatorCommand

COMMANDS: tuple[OperatorCommand, ...] = (
    create_tenant.COMMAND,
    create_superadmin.COMMAND,
    list_superadmins.COMMAND,
    revoke_superadmin.COMMAND,
    list_tenants.COMMAND,
    rebuild.COMMAND,
    record_digest.COMMAND,
    check_state.COMMAND,
    export_texts.COMMAND,
    scrub.COMMAND,
    fsck.COMMAND,
    rotate_log_key.COMMAND,
    rewrap_keys.COMMAND,
)
