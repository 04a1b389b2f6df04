"""The HTTP interface: a Lambda event in, an answer out, and what a caller may be told."""
