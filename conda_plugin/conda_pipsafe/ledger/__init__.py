"""What happened in a prefix, in order: the only writer below `conda-meta/pipsafe/`."""
