"""Guides that are made from the code."""
