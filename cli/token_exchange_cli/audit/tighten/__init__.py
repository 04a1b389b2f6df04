"""A narrower policy: what a log shows to be enough, as a change to its file, proven by replay."""
