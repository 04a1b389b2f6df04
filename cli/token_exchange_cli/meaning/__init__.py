"""What the parts of a policy mean for each other: what follows, excludes or gives more; every yes is proven."""
