"""`bench classify`: how fast requests are understood, and how well, beside others."""
