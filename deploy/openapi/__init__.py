"""The descriptions of what programs may ask by HTTP, made from the routes that answer."""
