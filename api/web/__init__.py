"""What people look at: pages made on the server, one style, a little script. Nothing comes from another host."""
