"""The server shell: from bytes to a handler and back. Knows no noun of the product."""
