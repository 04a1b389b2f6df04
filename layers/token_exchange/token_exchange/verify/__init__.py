"""Is this token genuine, for us, and in its time? Bytes in, a verified token out; nothing here does I/O."""
