"""The load generator: requests that leave on time, answers that are timed and checked."""
