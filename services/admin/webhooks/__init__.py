"""What an operator does for programs that take signed events: their secrets, and what is sent to them again."""
