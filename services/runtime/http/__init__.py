"""HTTP for every service: what listens, what each answer carries, and who asks."""
