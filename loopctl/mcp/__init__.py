"""`loopctl mcp`: the tools of a key's role over the Model Context Protocol (docs/mcp.md).

Only serving.py needs the SDK.
"""
