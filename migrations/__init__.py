"""The schema: numbered SQL files, the runner that applies them, and the roles that own and use what they make."""
