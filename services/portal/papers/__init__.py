"""Papers that citizens send, and results that provinces hand over."""
