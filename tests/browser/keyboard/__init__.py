"""The board without a mouse."""
