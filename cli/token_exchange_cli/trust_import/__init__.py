"""Convert IAM trust policies to a policy that admits only runs that they admit."""
