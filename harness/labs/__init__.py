"""Where things run: labs, who holds them, and the processes that host them."""
