"""`loopctl demo`: a whole loop, driven over HTTP by processes that do not trust each other."""
