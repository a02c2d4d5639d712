"""Answers: why a customer is on a list or not, and the state of each segment and list."""
