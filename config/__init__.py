"""Configuration: one typed loader, the keys at rest, the shape of the logs."""
