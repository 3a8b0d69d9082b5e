"""Events between services: event log, outbox relay, lanes, readers, timers, background calls."""
