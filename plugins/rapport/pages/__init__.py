"""Pages for people inside Airflow's UI, and the same facts as JSON for programs.

`plugins/rapport_plugin.py` hands `application` to Airflow, which puts it behind its own login.
"""
