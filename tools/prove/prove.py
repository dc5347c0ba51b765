#!/usr/bin/env python3
"""Runs halmos over test/symbolic and fails unless every theorem is proven, without a bound on any loop.

    prove.py [--contract NAME] [--function NAME] [--project FOLDER]
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOLVER = Path(__file__).with_name("solve.py")
SECONDS_PER_QUERY = 60


def theorems(project, contract=None, function=None):
    """Names of what has to be proven, read from the sources: a theorem that halmos does not find is a failure."""
    found = {}
    for file in sorted((project / "test/symbolic").glob("*.sol")):
        if contract not in (None, file.stem):
            continue
        names = re.findall(r"function (check_\w+)", file.read_text())
        names = [name for name in names if function in (None, name)]
        if names:
            found[file.stem] = names
    return found


def not_proven():
    """Theorems that LIMITS.md lists as open: named, never counted as proven."""
    return set(re.findall(r"^\| `(\w+\.check_\w+)` \| .+ \|$", (ROOT / "test/symbolic/LIMITS.md").read_text(), re.M))


def run_halmos(project, contract, function=None):
    """Halmos' own results of one contract."""
    report = project / f"target/prove/{contract}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("halmos")), "--root", ".", "--contract", f"^{contract}$",
        "--function", f"^{function}\\b" if function else "^check_", "--loop", "300",
        "--forge-build-out", "target/symbolic/out", "--json-output", str(report),
        "--solver-command", f"{sys.executable} {SOLVER} --timeout {SECONDS_PER_QUERY}",
        "--solver-timeout-assertion", str(3 * SECONDS_PER_QUERY * 1000),
    ]
    path = f"{ROOT / 'node_modules/.bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FOUNDRY_PROFILE": "symbolic", "COLUMNS": "200"}
    run = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    output = run.stdout + run.stderr
    if not report.exists():
        raise SystemExit(f"halmos did not run {contract}, status {run.returncode}:\n{output[-3000:]}")
    return [test for tests in json.loads(report.read_text())["test_results"].values() for test in tests], output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--contract")
    parser.add_argument("--function")
    parser.add_argument("--project", type=Path, default=ROOT)
    options = parser.parse_args()
    wanted = theorems(options.project, options.contract, options.function)
    if not wanted:
        raise SystemExit("no theorem of that name under test/symbolic")
    open_, every = not_proven(), {f"{contract}.{name}" for contract, names in theorems(ROOT).items() for name in names}
    if open_ - every:
        raise SystemExit(f"LIMITS.md lists what is no theorem: {', '.join(sorted(open_ - every))}")
    failures, skipped, started = [], 0, time.monotonic()
    for contract, names in wanted.items():
        for name in names:
            if f"{contract}.{name}" in open_ and not options.function:
                skipped += 1
                print(f"open                  {contract}.{name}", flush=True)
                continue
            begun = time.monotonic()
            results, output = run_halmos(options.project, contract, name)
            match = [test for test in results if test["name"].split("(")[0] == name]
            bounded = "loop unrolling bound" in output
            proven = len(match) == 1 and match[0]["exitcode"] == 0 and not bounded
            paths = match[0].get("num_paths") if match else None
            verdict = "proven" if proven else "cut off at a loop bound" if bounded else "NOT PROVEN"
            print(f"{verdict:10} {time.monotonic() - begun:6.1f} s  {contract}.{name}  ({(paths or ['?'])[0]} paths)", flush=True)
            if not proven:
                failures.append(f"{contract}.{name}")
                print("\n".join(line for line in output.splitlines() if re.match(r"\s*(p_|halmos_|Counterexample|\[)|.*(TIMEOUT|FAIL)", line))[:2000])
    total = sum(len(names) for names in wanted.values())
    print(f"{total - len(failures) - skipped} of {total} theorems proven, {skipped} open, in {time.monotonic() - started:.0f} s")
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
