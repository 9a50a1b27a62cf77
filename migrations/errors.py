"""The ways in which the schema or its roles cannot be brought up to date."""


class MigrationError(Exception):
    """The message is one sentence that says what is wrong and, where there is one, the way out."""


class BootstrapRefused(MigrationError):
    """The administrator's connection may not do, or the server cannot do, what the roles need."""


class Misnamed(MigrationError):
    """A file's name is not of the form NNNN_name.pre.sql or NNNN_name.post.sql."""


class DuplicateNumber(MigrationError):
    """Two files have one number."""


class ChecksumChanged(MigrationError):
    """A file is not what it was when it was applied."""


class OutOfOrder(MigrationError):
    """A file stands before one that is applied already, or waits behind one of the other phase."""


class SchemaNewer(MigrationError):
    """The database records a migration that this code does not have."""


class MigrationBusy(MigrationError):
    """Another runner has held the lock for too long."""


class MigrationFailed(MigrationError):
    """PostgreSQL refused a file. Nothing of it is left, unless it asked to run without a transaction."""
