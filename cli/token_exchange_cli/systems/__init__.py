"""What is known of each CI system: how its job gets a token, and what a first policy pins; a file for each."""
