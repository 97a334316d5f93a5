"""The judge: journal → measurements → findings → verdict.  Pure; reads no clock, no lab, no file but the journal."""
