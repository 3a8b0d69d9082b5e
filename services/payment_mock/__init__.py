"""A stand-in for the national payment platform, speaking its own protocol; the money is invented."""
