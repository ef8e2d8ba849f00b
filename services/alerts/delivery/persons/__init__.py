"""What pages say to persons: the link by which they answer, and who has taken what they were told of."""
