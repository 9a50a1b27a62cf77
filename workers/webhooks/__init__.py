"""Delivers what the log's events have queued for webhooks. PostgreSQL holds every state; Redis only hurries."""
