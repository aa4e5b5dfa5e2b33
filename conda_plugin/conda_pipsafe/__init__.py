"""Keep conda and pip from harming each other in one environment.

The package imports nothing at load: every conda command pays for what stands here.
"""

__version__ = "0.1.0"
