"""Reporting: figures that are computed from events alone, and can be rebuilt from the first event at any time."""
