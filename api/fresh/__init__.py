"""Fresh assertions: a person touches a security key for one request, and the event keeps what shows it."""
