"""What a policy would have raised on stored history."""
