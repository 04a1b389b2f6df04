"""What two policies differ in: what it means, and what it would have done to exchanges of the past."""
