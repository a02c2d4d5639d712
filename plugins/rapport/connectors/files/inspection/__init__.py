"""What a file holds before it is declared, and what a declared dataset would land.

`propose` looks at a sample and writes the dataset for rapport.yml; `dry_run` reads a dataset as a
load does and lands nothing.
"""
