"""Commands: how they are declared (``api``) and the ones that every machine has."""
