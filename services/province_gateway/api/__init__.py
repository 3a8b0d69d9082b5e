"""The HTTP endpoints of the provinces: parse, call one command or query, show the result."""
