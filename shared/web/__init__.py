"""Everything about HTTP: the application, its outermost layer, problems, pages, strict JSON."""
