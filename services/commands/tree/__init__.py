"""The tree of commands: its table of contents, how a command is found, and how what went wrong is said."""
