"""Segments: what each one declares, who its members are, and how they are assigned."""
