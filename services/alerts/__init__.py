"""Tells on-call staff what the stored events of their pumps call for."""
