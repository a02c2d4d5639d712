"""The sandbox: an invented company behind doubles of the vendors, to try Rapport without accounts.

Everything in here is invented: people, addresses, numbers, orders, complaints. The product imports
nothing of it; with `demo: true` in rapport.yml, `rapport.demo` opens it.
"""
