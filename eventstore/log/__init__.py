"""The write path: commands in, decided in order, appended in one transaction."""
