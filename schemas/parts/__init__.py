"""Parts that policies are made of, and how files of such parts are read."""
