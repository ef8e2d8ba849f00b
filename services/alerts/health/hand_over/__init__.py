"""One turn ends and another begins: both are told, what is open is taken over by name, and promises are kept."""
