"""Pure arithmetic over what was seen: availability ledger, progress, catalogue of measurements.  Used live and
offline."""
