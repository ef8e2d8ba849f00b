"""How long commands take to begin."""
