"""Version of this package and of the library that it carries."""

__version__ = "0.2.0"
