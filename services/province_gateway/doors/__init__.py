"""The doors through which an external province is connected."""
