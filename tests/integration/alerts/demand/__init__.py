"""Demand that goes on, and a level that a person accepts."""
