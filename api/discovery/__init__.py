"""What there is and where: the entry document, the route list, /.well-known."""
