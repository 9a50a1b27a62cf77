"""Whether the database is as the migrations left it; what breaks a rule stops the start."""
