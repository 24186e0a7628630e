"""Builds on Apache Spark: what it is shown, its session, and what the warehouse gets back."""
