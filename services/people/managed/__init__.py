"""What an administrator sees of the persons of their clinics, and does with them."""
