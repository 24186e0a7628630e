"""The RAW lake: partition paths, atomic writes, the ledger that decides what is work, views."""
