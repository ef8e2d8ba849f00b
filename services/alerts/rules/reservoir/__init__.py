"""What the reservoir holds, when it will be empty, and what it should hold."""
