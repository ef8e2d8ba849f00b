"""What an alert rests on, as a picture with a table behind it."""
