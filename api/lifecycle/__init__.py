"""The way of a story from contract to verified, over HTTP."""
