"""What resilience costs a healthy request: the same proxy with it, and without."""
