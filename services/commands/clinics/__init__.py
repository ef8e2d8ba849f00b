"""Clinics: their policies, what these would have done, and how it goes."""
