"""The sandbox: an invented company and a double of each vendor, to try Rapport without accounts.

Everything in it is invented: people, addresses, numbers, orders, complaints. The product does not
import this package, except that `rapport.demo` opens it if rapport.yml has `demo: true`.
"""
