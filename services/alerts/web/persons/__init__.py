"""The page on which administrators manage the persons of their clinics."""
