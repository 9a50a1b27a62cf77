"""From contract to verified: the events of a story's custody, what they make of it, and who may cause them."""
