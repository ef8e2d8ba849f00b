"""What is said by HTTP: the kinds of errors, and how the descriptions tell of them."""
