"""How long BG/NBD and Gamma-Gamma take for many customers, against lifetimes in the same run.

    python benchmarks/bench_predictions.py --customers 1000000

Customers are made by the models' own assumptions, two years in days. Each side fits and scores in a
process of its own, so that its peak memory is its own, on one core; CPU seconds are compared.
lifetimes 0.11.3 is installed into an environment that is thrown away; where that cannot be, its
column is left out and the reason printed. Scoring: P(alive), orders and value to expect.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# The releases that lifetimes was made for; newer ones break it.
REFERENCE = ("lifetimes==0.11.3", "numpy<2", "pandas<2.2", "scipy<1.12", "setuptools<81")

LIFETIMES = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter
x, t_x, age, value = np.load(sys.argv[1])
again = x > 0
clock = time.process_time
begun = clock()
buying = BetaGeoFitter().fit(x, t_x, age)
bg_nbd, begun = clock() - begun, clock()
spending = GammaGammaFitter().fit(x[again], value[again])
gamma_gamma, begun = clock() - begun, clock()
buying.conditional_probability_alive(x, t_x, age)
buying.conditional_expected_number_of_purchases_up_to_time(52, x, t_x, age)
spending.conditional_expected_average_profit(x, value)
scoring = clock() - begun
print(json.dumps({
    "bg_nbd": bg_nbd, "gamma_gamma": gamma_gamma, "scoring": scoring,
    "parameters": [float(v) for v in [*buying.params_.values, *spending.params_.values]],
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def make(customers: int, path: Path) -> None:
    """Repeats, last, age in weeks, mean value: saved for both sides."""
    import numpy as np

    rng = np.random.default_rng(20)
    age = rng.integers(60, 730, customers).astype(float)
    rate, leaving = rng.gamma(0.6, 1 / 60, customers), rng.beta(0.8, 2.5, customers)
    repeats, last, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    alive = np.arange(customers)
    while len(alive):
        now[alive] += 1 + rng.exponential(1 / np.maximum(rate[alive], 1e-9))
        alive = alive[now[alive] <= age[alive]]
        repeats[alive] += 1
        last[alive] = np.floor(now[alive])
        alive = alive[rng.random(len(alive)) > leaving[alive]]
    scale = rng.gamma(3.7, 1 / 15.4, customers)
    value = rng.gamma(6.2 * np.maximum(repeats, 1), 1 / scale) / np.maximum(repeats, 1)
    value[repeats == 0] = 0
    np.save(path, np.array([repeats, last / 7, age / 7, value]))


def ours(path: str) -> dict[str, Any]:
    """Fit and score; CPU seconds and peak memory of this process."""
    import numpy as np

    from rapport.predictions import bg_nbd, gamma_gamma
    from rapport.predictions.bg_nbd import Histories

    x, t_x, age, value = np.load(path)
    clock = time.process_time
    begun = clock()
    histories = Histories.group(x, t_x, age)
    buying = bg_nbd.fit(histories)
    first, begun = clock() - begun, clock()
    spending = gamma_gamma.fit(x, value)
    second, begun = clock() - begun, clock()
    buying.p_alive(x, t_x, age)
    buying.expected_purchases(52, x, t_x, age)
    spending.expected_value(x, value)
    scoring = clock() - begun
    return {
        "bg_nbd": first,
        "gamma_gamma": second,
        "scoring": scoring,
        "parameters": [buying.r, buying.alpha, buying.a, buying.b,
                       spending.p, spending.q, spending.v],
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "distinct": len(histories.weight),
        "customers": len(x),
    }  # fmt: skip


def theirs(path: Path, folder: Path) -> dict[str, Any] | str:
    """The same by lifetimes, or why not."""
    python = folder / "lifetimes" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *REFERENCE],
            check=True, capture_output=True, timeout=600,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        return f"lifetimes could not be installed ({type(error).__name__}): not compared"
    run = subprocess.run(
        [python, "-c", LIFETIMES, path], capture_output=True, env={**os.environ, **ONE_CORE}
    )
    if run.returncode:
        return "lifetimes failed: " + (run.stderr.decode().strip().splitlines() or ["no word"])[-1]
    return dict(json.loads(run.stdout))


def cdnow() -> None:
    """The published answers of the CDNOW sample, where its data is."""
    import pandas as pd

    from rapport.predictions import bg_nbd, gamma_gamma
    from rapport.predictions.bg_nbd import Histories

    folder = Path(os.environ.get("RAPPORT_REFERENCE_DIR", ROOT.parent / "shared")) / "data/cdnow"
    if not folder.is_dir():
        print("CDNOW: no reference data (RAPPORT_REFERENCE_DIR): parity not shown")
        return
    sample = pd.read_csv(folder / "cdnow_customers_summary.csv")
    values = pd.read_csv(folder / "cdnow_customers_summary_with_transactions.csv")
    buying = bg_nbd.fit(Histories.group(sample["frequency"], sample["recency"], sample["T"]))
    spending = gamma_gamma.fit(values["x"], values["zbar"])
    fitted = (buying.r, buying.alpha, buying.a, buying.b, spending.p, spending.q, spending.v)
    print("CDNOW, 2,357 customers           r  alpha      a      b      p      q       v")
    print("  fitted                  " + " ".join(f"{number:6.3f}" for number in fitted))
    print("  Fader, Hardie, Lee 2005   .243  4.414   .793  2.426   6.25   3.74   15.44")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(ours(arguments.side)))
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "customers.npy"
        make(arguments.customers, path)
        run = subprocess.run(
            [sys.executable, __file__, "--side", path],
            check=True, capture_output=True, env={**os.environ, **ONE_CORE},
        )  # fmt: skip
        mine, reference = json.loads(run.stdout), theirs(path, Path(name))
    print(f"{mine['customers']:,} customers, {mine['distinct']:,} distinct histories; CPU seconds")
    known = reference if isinstance(reference, dict) else {}
    print("                       ours  lifetimes  ratio")
    for name in ("bg_nbd", "gamma_gamma", "scoring"):
        line = f"  {name:16} {mine[name]:8.2f}"
        print(line + (f" {known[name]:10.2f} {mine[name] / known[name]:6.2f}" if known else ""))
    if known:
        fits = [side["bg_nbd"] + side["gamma_gamma"] for side in (mine, known)]
        print(f"  {'both fits':16} {fits[0]:8.2f} {fits[1]:10.2f} {fits[0] / fits[1]:6.2f}")
        print(f"  {'peak MB':16} {mine['megabytes']:8.0f} {known['megabytes']:10.0f}")
        pairs = zip(mine["parameters"], known["parameters"], strict=True)
        print(f"  parameters differ by at most {max(abs(a / b - 1) for a, b in pairs):.1e}")
    else:
        print(f"  {'peak MB':16} {mine['megabytes']:8.0f}\n  {reference}")
    cdnow()


if __name__ == "__main__":
    main()
