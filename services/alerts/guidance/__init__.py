"""What an alert means to whoever answers it: what to do, what Pumpwatch cannot see, what it was judged by."""
