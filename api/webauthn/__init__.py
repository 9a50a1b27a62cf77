"""Security keys: how the browser is asked, and what it brings back is checked."""
