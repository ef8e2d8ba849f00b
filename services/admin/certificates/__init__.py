"""Certificates by which devices log in at the broker: issued or taken in, renewed, revoked and listed."""
