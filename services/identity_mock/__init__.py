"""A stand-in for the national sign-on: OpenID Connect for invented people."""
