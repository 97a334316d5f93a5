"""One scenario, end to end: the conductor alone decides, journals and sends mutations, one at a time."""
