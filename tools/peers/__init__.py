"""What a user could pick instead of parts of Lienthong, measured beside it: `make bench-peers`."""
