"""What work costs: reports of token usage, what they come to, budgets, and stories that cost far more or less."""
