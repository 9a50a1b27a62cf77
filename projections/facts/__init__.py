"""What decisions need to know besides the state of their own stream."""
