"""Web pages that are one file: they load nothing, and show every value as text."""
