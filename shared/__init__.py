"""The library that all services use. It knows no service and no business term."""
