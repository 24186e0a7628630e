"""Files of oil wells with electric submersible pumps, as their senders would write them."""
