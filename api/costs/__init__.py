"""What work costs: reports of token usage, budgets, anomalies and analytics (spec 02, sections 3 to 6)."""
