"""Keys of programs: made, listed and revoked by an operator."""
