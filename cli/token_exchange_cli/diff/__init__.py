"""The differences between two policies, by meaning."""
