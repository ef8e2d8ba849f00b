"""Puts pumps through facts, rules and lifecycle, when something changed and when time has passed."""
