"""Replay: decide the exchanges of a log again, by two policies."""
