"""Logs, metrics, trace context and spans of a process."""
