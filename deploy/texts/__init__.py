"""The catalogue of texts: taken out of the code, and checked against it."""
