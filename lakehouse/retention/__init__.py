"""What may go after its time: never RAW, never the ledger."""
