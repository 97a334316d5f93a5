"""What is watched: guests over the network, by their own heartbeats, and the prober itself."""
