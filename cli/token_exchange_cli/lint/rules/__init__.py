"""The rules of the linter, one kind of risk per module; each rule is a function from a policy to findings."""
