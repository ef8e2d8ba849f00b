"""What goes out over persons' own channels and is no page: codes, tests, drills, warnings; and pushes to browsers."""
