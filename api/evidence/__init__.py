"""Evidence of tests: taken in from CI and from keys, and shown."""
