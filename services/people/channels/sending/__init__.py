"""What a worker needs of persons' channels: addresses, what is due, and what came of it."""
