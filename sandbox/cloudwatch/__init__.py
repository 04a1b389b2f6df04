"""CloudWatch, as far as alarms need it: metrics from log lines, expressions, and the states of alarms."""
