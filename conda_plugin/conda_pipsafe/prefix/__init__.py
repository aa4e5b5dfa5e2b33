"""Read an environment from disk alone: no conda, no subprocess, none of the environment's code.

Everything here is pure: it reads below one prefix (and, through symbolic links, the package cache that conda
linked it from) and never writes. What cannot be read becomes a `Problem`, and never hides the rest.
"""
