"""Bring a whole lake to another place."""
