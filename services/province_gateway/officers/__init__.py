"""The simulated officers: what they do, and when."""
