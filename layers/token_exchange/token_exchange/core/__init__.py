"""Everything that can let someone in; it imports only itself, cryptography and PyJWT's algorithms."""
