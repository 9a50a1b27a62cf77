"""Reading the log as it grows."""
