"""What a token says, and whether it verifies."""
