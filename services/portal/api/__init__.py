"""The HTTP doors of the portal: parse, call one command or query, show the result."""
