"""A narrower policy that a log shows to be sufficient: a change to the policy's file, proven by replay."""
