"""What people and programs reach by HTTP: the board and the API."""
