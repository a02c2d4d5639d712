"""Planning: what has to change on each list, and what holds a change back."""
