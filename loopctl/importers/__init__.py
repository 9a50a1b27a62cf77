"""Other people's backlogs as imports of ours: one module for each source, pure functions from texts to items."""
