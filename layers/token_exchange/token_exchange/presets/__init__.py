"""What is known of each CI system, one file each; data more than code."""
