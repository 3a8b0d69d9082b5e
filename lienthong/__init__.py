"""What people type and import: the command, the embedded stack, the plugin. Talks to services over their doors only."""

__version__ = "0.1.0"
