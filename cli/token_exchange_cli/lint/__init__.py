"""The linter: finds risks in a policy that loads. `rules` has one module for each kind of risk."""
