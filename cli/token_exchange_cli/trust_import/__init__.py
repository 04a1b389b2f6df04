"""Makes a policy of IAM trust policies: whoever it admits, they admit too."""
