"""Reads the cells of mapped datasets: the one place that says what a cell means.

`Reading` is made from the mapping of a dataset and turns each row into canonical values, the object
`_read` of the landed payload. The staging models only cast what stands there.
"""
