"""`pumpwatch doctor`: what sites get wrong, looked for on purpose, each with what to do."""
