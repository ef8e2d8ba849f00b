"""What `make bench` runs, and the figures it gave (bench/results/)."""
