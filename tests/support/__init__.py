"""What several tests share: packages, wheels from PyPI, a conda to drive."""
