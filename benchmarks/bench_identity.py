"""How long identity takes against the bare reference, in one run, on data it makes itself.

    python benchmarks/bench_identity.py --people 1000000

Reference: the same edges on 64-bit keys by COPY to pandas, factorize, scipy's connected
components, labels by COPY back, no guard, no id, no ledger. Each measured step runs in a process
of its own, so that its peak memory is its own. Durable settings (fsync, synchronous_commit on).
CPU seconds are this process's and Postgres' together: where others use the machine, compare those.
How right identity is, is measured on the default company, of which the truth is known.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processes import postgres_pid, tree_cpu

ROOT = Path(__file__).resolve().parent.parent
FIRST, SECOND = datetime(2026, 1, 31, 3, tzinfo=UTC), datetime(2026, 2, 1, 3, tzinfo=UTC)
FIRST_STEPS = ("prepare", "truth")  # before these there is no server
EDGE_MODELS = ("int_identifiers_changed", "int_identifiers_normalised")

# Two and a half records and five identifiers a person; one phone number in twelve is a family's,
# every 10,000th that of an office, every 50th e-mail another one with the same user id.
OFFER = """
create schema if not exists intermediate;
create unlogged table intermediate.int_identifiers_unioned as
select source, profile_id, identifier_type, identifier_value, is_confirmed, first_as_of
from (
    select p, 'hubspot' as source, 'hubspot:contacts:' || p as profile_id, kind as identifier_type,
        case kind when 'email' then 'person' || p || '@company' || (p %% 97) || '.com'
        else 'u_' || lpad(p::text, 7, '0') end as identifier_value, false as is_confirmed
    from generate_series(1, %(people)s) as p, (values ('email'), ('user_id')) as kinds (kind)
    union all
    select p, 'zendesk', 'zendesk:users:' || p, kind,
        case kind when 'email' then 'person' || p || case when p %% 50 = 0 then 'b' else '' end
            || '@company' || (p %% 97) || '.com'
        when 'phone' then '+4930' || case when p %% 10000 = 0 then '9018200'
            else lpad((2000000 + p - case when p %% 50 < 6 then p %% 3 else 0 end)::text, 7, '0')
            end end, kind = 'email'
    from generate_series(2, %(people)s, 2) as p, (values ('email'), ('phone')) as kinds (kind)
    union all
    select p, 'amplitude', 'amplitude:users:u_' || lpad(p::text, 7, '0'), kind,
        case kind when 'user_id' then 'u_' || lpad(p::text, 7, '0') else md5(p::text) end, true
    from generate_series(1, %(people)s) as p, (values ('device_id'), ('user_id')) as kinds (kind)
) as offered
cross join lateral (
    select timestamptz '2026-01-01' + (p %% 30) * interval '1 day' as first_as_of
) as nights
order by hashtext(profile_id)
"""

# One person in a hundred: a third changes the e-mail, a third gets another device, a third is new.
DELTA = """
update intermediate.int_identifiers_unioned set identifier_value = 'new' || identifier_value
where source = 'hubspot' and identifier_type = 'email'
    and split_part(profile_id, ':', 3)::int %% 300 = 7;
insert into intermediate.int_identifiers_unioned
select source, profile_id, 'device_id', md5('second' || profile_id), true, timestamptz '2026-02-01'
from intermediate.int_identifiers_unioned
where source = 'amplitude' and identifier_type = 'user_id'
    and substr(identifier_value, 3)::int %% 300 = 11;
insert into intermediate.int_identifiers_unioned
select 'typeform', 'typeform:respondents:' || p, 'user_id',
    'u_' || lpad((p * 300 + 13)::text, 7, '0'), false, timestamptz '2026-02-01'
from generate_series(1, %(people)s / 300 - 1) as p
"""

# A contact per record with a name. Every twentieth name of the support desk has a typo.
CONTACTS = """
create unlogged table intermediate.int_contacts_unioned (
    profile_id text, full_name text, first_name text, last_name text, email text, phone text,
    user_id text, birth_date date, postal_code text, street text, city text, region text,
    country text, company_name text
)
"""
CONTACTS_COLUMNS = (
    "profile_id, first_name, last_name, email, birth_date, postal_code, street, city, country"
)
SYLLABLES = [a + b for a in "bdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in")]

# One contact in a hundred moves to another street.
CONTACTS_DELTA = """
update intermediate.int_contacts_unioned set street = 'Neue ' || street
where split_part(profile_id, ':', 3)::int % 100 = 7
"""


def reference(people: int) -> dict[str, Any]:
    """COPY out, factorize, connected components, COPY in."""
    import numpy as np
    import pandas as pd
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    from rapport.warehouse import connect

    with connect() as connection:
        started = time.perf_counter()
        buffer = io.BytesIO()
        with connection.cursor().copy("copy bench_edges to stdout") as copy:
            for row in copy:
                buffer.write(row)
        buffer.seek(0)
        edges = pd.read_csv(buffer, sep="\t", header=None, names=["a", "b"], dtype="int64")
        out = time.perf_counter()
        left, profiles = pd.factorize(edges["a"])
        right, identifiers = pd.factorize(edges["b"])
        factorized = time.perf_counter()
        nodes = len(profiles) + len(identifiers)
        matrix = coo_matrix(
            (np.ones(len(left), np.int8), (left, right + len(profiles))), shape=(nodes, nodes)
        )
        labels = connected_components(matrix, directed=False)[1][: len(profiles)]
        components = time.perf_counter()
        connection.execute("create unlogged table bench_labels (profile_key bigint, label bigint)")
        rows = pd.DataFrame({"profile": profiles, "label": labels})
        with connection.cursor().copy("copy bench_labels from stdin") as copy:
            copy.write(rows.to_csv(None, sep="\t", header=False, index=False))
        connection.execute("drop table bench_labels")
        connection.commit()
        ended = time.perf_counter()
    parts = {
        "out": out - started,
        "factorize": factorized - out,
        "components": components - factorized,
        "in": ended - components,
    }
    return {"seconds": ended - started, "parts": parts}


def models(as_of: datetime, *selected: str) -> dict[str, Any]:
    """Models under dbt; the seconds are the models' own as dbt reports them, the CPU Postgres'."""
    from rapport.settings import load_settings
    from rapport.transform import dbt

    before = postgres_cpu()
    outcome = dbt.invoke(["run", "--threads", "1", *selected], load_settings(), as_of)
    if not outcome.success:
        raise SystemExit(outcome.exception or [r.message for r in outcome.result.results])
    seconds = {result.node.name: result.execution_time for result in outcome.result.results}
    return {"seconds": sum(seconds.values()), "cpu": postgres_cpu() - before, "parts": seconds}


def edge_models(as_of: datetime) -> dict[str, Any]:
    return models(as_of, "--select", *EDGE_MODELS)


def guards(as_of: datetime) -> dict[str, Any]:
    return models(as_of, "--select", "tag:identity", "--exclude", *EDGE_MODELS)


def postgres_cpu() -> float:
    """CPU seconds of the embedded server and all its processes, those that ended too."""
    from rapport.paths import var_dir

    return tree_cpu(postgres_pid(var_dir()))


def verbs(as_of: datetime, verb: str) -> dict[str, Any]:
    from rapport import identity
    from rapport.identity import key_tables, resolver  # noqa: F401  (imports are not measured)

    started, cpu = time.perf_counter(), time.process_time() + postgres_cpu()
    run = getattr(identity, verb)
    counts = run(run_id="bench", as_of=as_of)
    spent = time.process_time() + postgres_cpu() - cpu
    return {"seconds": time.perf_counter() - started, "cpu": spent, "parts": counts}


def prepare(people: int) -> dict[str, Any]:
    from rapport.landing import ensure_tables
    from rapport.settings import load_settings
    from rapport.warehouse import connect, migrate

    migrate()
    with connect() as connection:
        ensure_tables(connection, load_settings())
        connection.cursor().execute(OFFER.replace("%(people)s", str(people)).replace("%%", "%"))
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze intermediate.int_identifiers_unioned")
    return {"seconds": 0.0}


def edges(people: int) -> dict[str, Any]:
    from rapport.warehouse import connect

    with connect() as connection:
        connection.execute(
            "create unlogged table bench_edges as select profile_key, identifier_key"
            " from identity_build.int_identifiers_normalised where identifier_key is not null"
        )
        row = connection.execute("select count(*) from bench_edges").fetchone()
    return {"seconds": 0.0, "edges": row[0] if row else 0}


def delta(people: int) -> dict[str, Any]:
    from rapport.warehouse import connect

    with connect() as connection:
        for statement in DELTA.replace("%(people)s", str(people)).replace("%%", "%").split(";"):
            connection.execute(statement)
        connection.commit()
        connection.autocommit = True
        # What autovacuum has done by the next night.
        connection.execute("vacuum analyze")
    return {"seconds": 0.0}


def truth(people: int) -> dict[str, Any]:
    """The default company, landed and resolved, without matching and with it."""
    from collections import Counter

    from rapport import identity
    from rapport.identity.matching import match
    from rapport.identity.resolver import resolve
    from rapport.identity.rules import load_rules
    from rapport.landing import ensure_tables, ingest
    from rapport.runs.run import clock
    from rapport.settings import load_settings
    from rapport.transform import dbt
    from rapport.warehouse import connect, migrate
    from rapport_sandbox import lifecycle
    from rapport_sandbox.company import truth as truth_of

    migrate()
    settings = load_settings()
    with connect() as connection:
        ensure_tables(connection, settings)
    as_of = clock(settings)
    try:
        for source in settings.sources:
            ingest(source, run_id="bench", as_of=as_of)
    finally:
        lifecycle.stop()
    people_of = {
        profile: (person, note) for profile, person, note in truth_of(lifecycle.sandbox_root())
    }

    def run(*selected: str) -> None:
        outcome = dbt.invoke(["run", "--select", *selected], settings, as_of)
        if not outcome.success:
            raise SystemExit(outcome.exception or [r.message for r in outcome.result.results])

    def pairs(groups: Any) -> int:
        return sum(size * (size - 1) // 2 for size in Counter(groups).values())

    def judged() -> dict[str, float]:
        with connect() as connection:
            members = dict(
                connection.execute("select profile_id, customer_id from identity.members")
            )
        known = members.keys() & people_of.keys()
        traceable = [profile for profile in known if people_of[profile][1] != "anonymous"]

        def both(profiles: Any) -> int:
            return pairs((people_of[profile][0], members[profile]) for profile in profiles)

        return {
            "precision": both(known) / pairs(members[profile] for profile in known),
            "recall": both(traceable) / pairs(people_of[profile][0] for profile in traceable),
            "recall_of_all": both(known) / pairs(people_of[profile][0] for profile in known),
        }

    names: Any = {"run_id": "bench", "as_of": as_of}
    run("+int_identifiers_unioned", "+int_contacts_unioned")
    identity.normalise(**names)
    run("tag:identity")
    resolve(**names)
    without = judged()
    started = time.perf_counter()
    match(**names, rules=load_rules({"matching": {"enabled": True}}))
    seconds = time.perf_counter() - started
    resolve(**names)
    return {"seconds": seconds, "without": without, "with": judged()}


def contacts(people: int) -> dict[str, Any]:
    """Names as common as in life (the n-th is drawn 1/n as often), birth dates and addresses."""
    import random

    from rapport.warehouse import connect

    draw = random.Random(7)  # noqa: S311 - no secret

    def name(most: int) -> str:
        number = int(most ** draw.random())
        parts = [SYLLABLES[number % 128], SYLLABLES[number // 128 % 128], SYLLABLES[number % 61]]
        return "".join(parts).title()

    with connect() as connection:
        connection.execute(CONTACTS)
        with connection.cursor().copy(
            f"copy intermediate.int_contacts_unioned ({CONTACTS_COLUMNS}) from stdin"
        ) as copy:
            for number in range(1, people + 1):
                given, surname = name(800), name(16_000)
                born = (
                    f"{draw.randint(1940, 2005)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
                )
                city = int(2_000 ** draw.random())
                rest = (
                    f"{10_000 + 7 * city + draw.randint(0, 6)}",
                    f"{name(3_000)}weg {draw.randint(1, 120)}", f"City {city}", "DE",
                )  # fmt: skip
                email = f"person{number}@company{number % 97}.com"
                copy.write_row((f"hubspot:contacts:{number}", given, surname, email, born, *rest))
                if number % 2 == 0:
                    if number % 20 == 0:
                        surname = surname[:2] + surname[3:]
                    known = born if number % 4 else None
                    copy.write_row((f"zendesk:users:{number}", given, surname, email, known, *rest))
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze intermediate.int_contacts_unioned")
    return {"seconds": 0.0}


def contacts_delta(people: int) -> dict[str, Any]:
    from rapport.warehouse import connect

    with connect() as connection:
        connection.execute(CONTACTS_DELTA)
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze")
    return {"seconds": 0.0}


def matched(as_of: datetime) -> dict[str, Any]:
    """Matching with the default rules."""
    from rapport.identity.matching import match
    from rapport.identity.rules import load_rules

    started, cpu = time.perf_counter(), time.process_time() + postgres_cpu()
    counts = match(run_id="bench", as_of=as_of, rules=load_rules({}))
    spent = time.process_time() + postgres_cpu() - cpu
    return {"seconds": time.perf_counter() - started, "cpu": spent, "parts": counts}


STEPS: dict[str, Callable[[int], dict[str, Any]]] = {
    "prepare": prepare,
    "normalise": lambda people: verbs(FIRST, "normalise"),
    "edge_models": lambda people: edge_models(FIRST),
    "guards": lambda people: guards(FIRST),
    "edges": edges,
    "reference": reference,
    "resolve": lambda people: verbs(FIRST, "resolve"),
    "delta": delta,
    "normalise_delta": lambda people: verbs(SECOND, "normalise"),
    "edge_models_delta": lambda people: edge_models(SECOND),
    "guards_delta": lambda people: guards(SECOND),
    "resolve_delta": lambda people: verbs(SECOND, "resolve"),
    "contacts": contacts,
    "match": lambda people: matched(FIRST),
    "contacts_delta": contacts_delta,
    "match_delta": lambda people: matched(SECOND),
}
APART = {"truth": truth}


def measure(step: str, people: int) -> dict[str, Any]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--people", str(people)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{step} failed")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--step", choices=STEPS | APART)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.step:
        cpu = time.process_time() + (0.0 if options.step in FIRST_STEPS else postgres_cpu())
        result = (STEPS | APART)[options.step](options.people)
        spent = time.process_time() + (0.0 if options.step in FIRST_STEPS else postgres_cpu()) - cpu
        result = {"cpu": spent, **result}
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps(result) + "\n")
        return
    os.environ["RAPPORT_HOME"] = str(ROOT)
    os.environ.pop("AIRFLOW_CONN_WAREHOUSE", None)
    results = together(STEPS, options.people) | together(APART, options.people)
    report(options.people, results, options.json)


def together(steps: Iterable[str], people: int) -> dict[str, dict[str, Any]]:
    """Steps one after the other on a server of their own."""
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        Path(folder).chmod(0o711)
        os.environ["RAPPORT_VAR"] = f"{folder}/var"
        try:
            return {step: measure(step, people) for step in steps}
        finally:
            from rapport.warehouse import embedded

            embedded.remove()


def report(people: int, results: dict[str, Any], as_json: bool) -> None:
    """The table, and the bounds that the design promises."""

    def total(key: str, *steps: str) -> float:
        return sum(float(results[step][key]) for step in steps)

    summary: dict[str, Any] = {
        "peak_mb": max(results[step]["peak_mb"] for step in ("resolve", "guards", "match")),
        "truth": {key: results["truth"][key] for key in ("without", "with")},
    }
    for key in ("seconds", "cpu"):
        full = total(key, "guards", "resolve")
        summary[key] = {
            "ratio": full / total(key, "reference"),
            "night_share": total(key, "guards_delta", "resolve_delta") / full,
            "matching_share": total(key, "match_delta") / total(key, "match"),
            "night_share_with_edges": total(
                key, "normalise_delta", "edge_models_delta", "guards_delta", "resolve_delta"
            )
            / total(key, "normalise", "edge_models", "guards", "resolve"),
        }
    if as_json:
        sys.stdout.write(json.dumps({**summary, "steps": results}) + "\n")
        return
    lines = [
        f"identity: {people:,} people, {results['edges']['edges']:,} edges",
        f"{'step':<34}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}",
    ]
    rows = {
        "reference": "bare reference",
        "guards": "guards (dbt)",
        "resolve": "resolver, ids, aliases, log",
        "guards_delta": "guards, 1 % night",
        "resolve_delta": "resolver, 1 % night",
        "normalise": "before: normal forms",
        "normalise_delta": "before: normal forms, 1 % night",
        "edge_models": "before: edges (dbt)",
        "edge_models_delta": "before: edges, 1 % night",
        "match": "matching",
        "match_delta": "matching, 1 % night",
    }
    for step, label in rows.items():
        value = results[step]
        lines.append(
            f"{label:<34}{value['seconds']:>9.2f}{value['cpu']:>9.2f}{value['peak_mb']:>9.0f}"
        )
    wall, cpu = summary["seconds"], summary["cpu"]
    lines += [
        "",
        f"{'bound':<34}{'by time':>9}{'by CPU':>9}",
        f"{'full resolution / reference':<34}{wall['ratio']:>9.2f}{cpu['ratio']:>9.2f}"
        "   at most 2.5",
        f"{'1 % night / full resolution':<34}{wall['night_share']:>9.1%}{cpu['night_share']:>9.1%}"
        "   at most 5 %",
        f"{'the same with what comes before':<34}{wall['night_share_with_edges']:>9.1%}"
        f"{cpu['night_share_with_edges']:>9.1%}",
        f"{'matching, 1 % night / full':<34}{wall['matching_share']:>9.1%}"
        f"{cpu['matching_share']:>9.1%}   at most 10 %",
        f"peak memory {summary['peak_mb']:.0f} MB (under 1536)",
        "",
        f"{'default company, by pairs':<34}{'precision':>11}{'recall':>9}{'of all':>9}",
    ]
    for key, bound in (("without", "0.999, 0.93"), ("with", "0.999, 0.98")):
        right = summary["truth"][key]
        lines.append(
            f"{f'{key} matching':<34}{right['precision']:>11.4f}{right['recall']:>9.4f}"
            f"{right['recall_of_all']:>9.4f}   at least {bound}"
        )
    lines.append("recall leaves out records that hold no trace of anybody; `of all` does not")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
