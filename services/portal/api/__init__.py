"""The HTTP endpoints of the portal: parse, call one command or query, render the result."""
