"""What message services say later of a page that they took: it arrived, it was answered, it did not arrive."""
