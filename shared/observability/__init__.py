"""What can be seen of a process: logs, metrics, trace context, spans."""
