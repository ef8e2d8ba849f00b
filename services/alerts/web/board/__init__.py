"""The alert board: server-rendered pages that work on a phone, without scripts from elsewhere."""
