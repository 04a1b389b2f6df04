"""The IAM roles that a policy needs, as a CloudFormation template."""
