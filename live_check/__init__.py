"""Tests in your AWS account what AWS's documentation leaves open: `make live-check`."""
