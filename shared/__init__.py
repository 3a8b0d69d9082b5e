"""The library under every service; knows no business noun and no service."""
