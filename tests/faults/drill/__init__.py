"""Drills, with what they pass through ended or killed."""
