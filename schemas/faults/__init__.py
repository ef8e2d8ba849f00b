"""How what is refused is told: in the same words to a device, in a file, by HTTP and of a setting."""
