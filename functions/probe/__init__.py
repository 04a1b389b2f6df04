"""The function that probes the exchange on a schedule."""
