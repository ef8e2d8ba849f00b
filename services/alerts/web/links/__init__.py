"""What a person sees and does by the link of a page, without signing in."""
