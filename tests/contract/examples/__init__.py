"""What one system says to another, read by somebody else's parser."""
