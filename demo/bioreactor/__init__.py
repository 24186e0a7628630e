"""Telemetry of bioreactors for the demo, with drifts, gaps and outliers that are counted."""
