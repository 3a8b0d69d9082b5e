"""The moves of officials."""
