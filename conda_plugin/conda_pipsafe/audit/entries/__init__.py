"""The catalogue's entries, one file per hundred of codes."""
