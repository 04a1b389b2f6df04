"""What AWS's documentation leaves open, seen in an account of one's own: `make live-check`."""
