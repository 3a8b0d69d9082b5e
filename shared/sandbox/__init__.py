"""What every service has for sandboxes: the sandbox row, its clock, fault rules, files, journal and recorded calls."""
