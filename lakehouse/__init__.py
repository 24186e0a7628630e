"""The library: everything that moves, checks and describes data, without an orchestrator."""
