"""Generated requests against all four services, with real credentials: no 5xx, and every response as documented."""
