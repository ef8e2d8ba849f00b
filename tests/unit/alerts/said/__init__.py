"""What rules say, in words and as it is stored."""
