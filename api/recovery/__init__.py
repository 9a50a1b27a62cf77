"""Recovery of a tenant that has lost its security keys: opened by superadmins, cancelled by the tenant, used once."""
