"""What happened in a prefix, in order: the only writer below `conda-meta/pipsafe/`."""

# Here, where asking whether such a file exists loads nothing else.
FOLDER = "conda-meta/pipsafe"
PENDING = f"{FOLDER}/pending.json"
