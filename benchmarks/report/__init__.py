"""Pictures and pages of results: SVG and HTML without scripts or anything from outside."""
