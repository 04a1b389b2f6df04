"""The function that keeps AppConfig from deploying a policy that does not load."""
