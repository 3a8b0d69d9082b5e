"""HTTP: the application, its middleware, problem responses, pages of lists, strict JSON."""
