"""What portal and province agree on: reference data, events, lifecycle."""
