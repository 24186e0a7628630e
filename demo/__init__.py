"""Sample data for the demo: deliveries as their senders would write them."""
