"""The contracts between portal and provinces: events, lifecycle, reference data."""
