"""What the cache costs, and whom it answers: `firsttoken bench cache`."""
