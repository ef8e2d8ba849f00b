"""Whether persons' phones ring: drills are asked for each week, and who did not answer is told of, first to them."""
