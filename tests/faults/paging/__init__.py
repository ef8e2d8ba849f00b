"""What stands in the way of a page: readers, and what cannot be evaluated."""
