"""Connections and transactions: the only way to the database."""
