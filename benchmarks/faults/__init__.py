"""The fault suite: what a gateway does when its provider misbehaves, as a scorecard."""
