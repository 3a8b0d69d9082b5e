"""Sandboxes as every service has them: the row, its clock, fault rules, files, journal, recorded calls."""
