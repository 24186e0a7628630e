"""Where deliveries come from: one module for each protocol."""
