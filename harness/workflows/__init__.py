"""What changes the system under test, as values: what to send and how to read it.  The conductor does all sending."""
