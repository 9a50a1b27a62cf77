"""Work that comes in at once: epics, their stories, and what waits for what (spec 01, section 5.4)."""
