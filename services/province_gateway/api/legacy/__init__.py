"""The adapter API over HTTP: the calls of systems, and what their developers read and ask for beside them."""
