"""What two policies differ in, by what they mean."""
