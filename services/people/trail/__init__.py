"""What persons did and read, as rows of a chain that only grows."""
