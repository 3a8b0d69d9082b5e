"""What simulated officers will do, and when."""
