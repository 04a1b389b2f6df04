"""Everything that can let someone in, in the order of a request; it imports nothing but itself and cryptography."""
