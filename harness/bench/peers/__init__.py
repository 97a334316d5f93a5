"""Who does the same work for comparison: each module runs one other prober, fairly, and says what it cost."""
