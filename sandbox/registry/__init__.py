"""A real registry on loopback, behind a gate that knows ECR's logins and asks IAM at each request."""
