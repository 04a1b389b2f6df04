"""Logs: files, folders and streams of lines, and the audit lines in them, whatever has wrapped them."""
