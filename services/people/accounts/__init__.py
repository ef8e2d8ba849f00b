"""Local accounts: who has one, by which password, and what each may do."""
