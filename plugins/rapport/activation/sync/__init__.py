"""Sync: what destinations report, and what is sent to them and recorded."""
