"""The pages on which a person keeps their own channels, and the one by which a drill is answered."""
