"""What routes read over those tables and over the log."""
