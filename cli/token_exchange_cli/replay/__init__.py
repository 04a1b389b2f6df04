"""The exchanges of a log, decided again by two policies."""
