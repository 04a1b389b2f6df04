"""Drills: each breaks the running sandbox, follows the runbook's own commands, and says how long jobs did not work."""
