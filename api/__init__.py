"""The HTTP API: decode, authorise, one command or one query, encode."""
