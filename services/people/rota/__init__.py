"""Whose turn it is: rotas, what was changed in them, and the proof that somebody always has it."""
