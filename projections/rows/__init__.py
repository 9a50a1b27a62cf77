"""Tables that events write, one module each: statements, apply, the state of a stream."""
