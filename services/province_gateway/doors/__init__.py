"""The ways in for a real province: what its connector is told, and what it says."""
