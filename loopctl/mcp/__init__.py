"""`loopctl mcp`: the tools of a key's role over the Model Context Protocol (docs/mcp.md).

Only serving.py, over_http.py and unreadable.py need the SDK.
"""
