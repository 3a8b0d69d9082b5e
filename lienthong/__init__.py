"""The package for users: command, embedded stack, client and pytest plugin. Uses the services through HTTP only."""

__version__ = "0.1.0"
