"""Backup and restore of the four databases of a country, at one point in time."""
