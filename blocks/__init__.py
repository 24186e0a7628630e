"""Where things are: typed connection blocks. `blocks.yaml` declares the instances."""
