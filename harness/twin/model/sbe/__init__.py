"""Solution Builder Extensions: what a vendor offers, how its package is imported, and how it is installed."""
