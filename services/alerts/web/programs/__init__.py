"""How programs are answered: by routes that pass over nothing, by one form of error, and by a description of it all."""
