"""How parts of a policy relate: what follows from, excludes or gives more than what; every yes is proven."""
