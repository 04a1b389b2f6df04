"""A real registry on loopback, behind a gate that checks ECR logins and IAM policies at each request."""
