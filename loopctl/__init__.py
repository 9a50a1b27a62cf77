"""loopctl: client, command line, MCP server and log verifier. The only package in the wheel."""

__version__ = "0.1.0"
