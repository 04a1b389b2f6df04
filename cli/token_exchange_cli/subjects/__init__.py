"""The `sub` claim of each CI system, one module each, for `roles`, `policy import` and the linter."""
