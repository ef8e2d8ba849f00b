"""What a rule found, as sentences of the catalogue with their values: said in each reader's language."""
