"""One file for each CI system; adding one is adding a file with a `PROVIDER`."""
