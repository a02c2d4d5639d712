"""Reads the cells of mapped datasets: the one place that says what a cell means.

`Reading` turns each row of a dataset into canonical values, according to its mapping. Values that
differ from the text of their cell are stored in the object `_read` of the landed payload. The
staging models cast these values, or the cell itself, and interpret nothing.
"""
