"""What the linter looks for, one kind of danger to a module; each rule is a function from a policy to findings."""
