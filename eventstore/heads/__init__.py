"""The tree over a log, its signed heads, and the keys that sign them."""
