"""Copies of the ledger and of what it names, and the way back."""
