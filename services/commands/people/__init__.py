"""Commands about persons: accounts, rotas, channels."""
