"""What a policy says of one run, given as claims, as a token or as an audit record."""
