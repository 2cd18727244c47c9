"""What a team agrees on: rows, rules, actions, pages."""
