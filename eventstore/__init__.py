"""The log in PostgreSQL, and the only way to a connection."""
