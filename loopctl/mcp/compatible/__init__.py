"""The 52 tools that guides and existing clients name (``LOOPCTL_TOOLS=all``): with their names, arguments and keys."""
