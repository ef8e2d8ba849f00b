"""What people read, in their language: the catalogue (locale/) and the value by which it is used."""
