"""The HTTP doors of the provinces: parse, call one command or query, show the result."""
