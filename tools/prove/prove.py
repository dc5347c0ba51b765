#!/usr/bin/env python3
"""Runs halmos over test/symbolic and fails unless every theorem is proven, without a bound on any loop.

    prove.py [--contract NAME] [--function NAME]
    prove.py --faults [TEXT]

With --faults, faults are planted into a copy of the contracts, one at a time, and the theorems that are named with each
have to be refuted by numbers: test/symbolic/FAULTS.json. Every theorem needs one. TEXT is a part of a theorem's name.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOLVER = Path(__file__).with_name("solve.py")
LIMITS = "test/symbolic/LIMITS.md"
FAULTS = "test/symbolic/FAULTS.json"
SECONDS_PER_QUERY = 60
PROVEN, REFUTED = 0, 1
VERDICTS = {2: "undecided in time", 3: "stuck", 4: "every path reverts", 5: "error"}


def fail(sentence):
    """Ends the run."""
    raise SystemExit(f"prove: {sentence}")


def theorems():
    """Names of what has to be proven, read from the sources: a theorem that halmos does not find is a failure."""
    found = {}
    for file in sorted((ROOT / "test/symbolic").glob("*.sol")):
        names = re.findall(r"function (check_\w+)", file.read_text())
        if names:
            found[file.stem] = names
    return found


def not_proven(every):
    """Theorems that LIMITS.md lists as open: named, never counted as proven."""
    listed = set(re.findall(r"^\| `(\w+\.check_\w+)` \| .+ \|$", (ROOT / LIMITS).read_text(), re.M))
    unknown = sorted(listed - {f"{contract}.{name}" for contract, names in every.items() for name in names})
    if unknown:
        fail(f"{LIMITS} lists what is no theorem: {', '.join(unknown)}")
    return listed


def halmos(project, contract, names, options=()):
    """Verdict, seconds and paths by theorem."""
    report = project / f"target/prove/{contract}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("halmos")), "--root", ".", "--contract", f"^{contract}$",
        "--function", rf"^({'|'.join(names)})\b", "--loop", "300", "--no-status", "--solver-timeout-branching", "100",
        "--forge-build-out", "target/symbolic/out", "--json-output", str(report),
        "--solver-command", f"{sys.executable} {SOLVER} --timeout {SECONDS_PER_QUERY}",
        "--solver-timeout-assertion", str(3 * SECONDS_PER_QUERY * 1000), *options,
    ]
    path = f"{ROOT / 'node_modules/.bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FOUNDRY_PROFILE": "symbolic", "COLUMNS": "200"}
    run = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if not report.exists():
        fail(f"halmos did not run {contract}, status {run.returncode}:\n{(run.stdout + run.stderr)[-3000:]}")
    results = {}
    for tests in json.loads(report.read_text())["test_results"].values():
        for test in tests:
            code = test["exitcode"]
            if test["num_bounded_loops"]:
                verdict = "cut off at a loop bound"
            elif code == PROVEN:
                verdict = "proven"
            elif code == REFUTED:
                is_real = any(model["is_valid"] for model in test["models"])
                verdict = "refuted" if is_real else "refuted by numbers that may not exist"
            else:
                verdict = VERDICTS.get(code, f"exit code {code}")
            results[test["name"].split("(")[0]] = (verdict, test["time"][0], test["num_paths"][0])
    return results, run.stdout + run.stderr


def prove(every, contract, function):
    """Proves what is asked for."""
    open_ = not_proven(every)
    failures, skipped, total, started = [], 0, 0, time.monotonic()
    for name, all_names in every.items():
        if contract not in (None, name):
            continue
        asked = [each for each in all_names if function in (None, each)]
        wanted = [each for each in asked if function or f"{name}.{each}" not in open_]
        total, skipped = total + len(asked), skipped + len(asked) - len(wanted)
        for each in sorted(set(asked) - set(wanted)):
            print(f"{'open':32} {name}.{each}", flush=True)
        results, output = halmos(ROOT, name, wanted) if wanted else ({}, "")
        for each in wanted:
            verdict, seconds, paths = results.get(each, ("not found by halmos", 0, 0))
            print(f"{verdict:10} {seconds:6.1f} s {paths:5} paths  {name}.{each}", flush=True)
            if verdict != "proven":
                failures.append(f"{name}.{each}")
        if any(results.get(each, ("",))[0] != "proven" for each in wanted):
            told = (line for line in output.splitlines() if re.match(r"\s*(p_|halmos_|Counterexample|\[FAIL|\[TIME|\[ERR)", line))
            print("\n".join(told)[:3000])
    if total == 0:
        fail("no theorem of that name under test/symbolic")
    print(f"{total - len(failures) - skipped} of {total} theorems proven, {skipped} open, in {time.monotonic() - started:.0f} s")
    if failures:
        fail(f"not proven: {', '.join(failures)}")


def read_faults(every):
    """The planted faults. Every theorem that is said to be proven needs one."""
    faults = json.loads((ROOT / FAULTS).read_text())
    named = {theorem for fault in faults for theorem in fault["theorems"]}
    names = {f"{contract}.{name}" for contract, all_names in every.items() for name in all_names}
    if named - names:
        fail(f"{FAULTS} names what is no theorem: {', '.join(sorted(named - names))}")
    missing = sorted(names - not_proven(every) - named)
    if missing:
        fail(f"{FAULTS} has no fault for {', '.join(missing)}")
    return faults


def copied():
    """A copy of what theorems are compiled from, with what was built of it."""
    copy = ROOT / "target/prove/faulty"
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("contracts", "test/symbolic", "target/symbolic"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name)
    (copy / "tools").mkdir()
    for name in ("foundry.toml", "tools/solc"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    return copy


def plant(copy, fault, is_planted):
    """Writes the fault, or what stood there before."""
    text = (ROOT / fault["file"]).read_text()
    if text.count(fault["from"]) != 1:
        fail(f"{FAULTS}: {fault['file']} should hold once and holds {text.count(fault['from'])} times:\n{fault['from']}")
    (copy / fault["file"]).write_text(text.replace(fault["from"], fault["to"]) if is_planted else text)


def refute(every, part):
    """Plants the faults and expects each theorem to fail."""
    faults = read_faults(every)
    started, missed, count = time.monotonic(), [], 0
    chosen = [(fault, [name for name in fault["theorems"] if part in name]) for fault in faults]
    if not any(names for _, names in chosen):
        fail(f"{FAULTS} names no theorem with «{part}»")
    copy = copied()
    for fault, names in chosen:
        if not names:
            continue
        plant(copy, fault, True)
        print(f"{fault['file']}: {fault['from']}  ->  {fault['to']}", flush=True)
        for contract in sorted({name.split(".")[0] for name in names}):
            wanted = [name.split(".")[1] for name in names if name.startswith(f"{contract}.")]
            results, output = halmos(copy, contract, wanted, ["--early-exit"])
            for name in wanted:
                verdict, seconds, _ = results.get(name, ("not found by halmos", 0, 0))
                print(f"    {verdict:10} {seconds:6.1f} s  {contract}.{name}", flush=True)
                count += 1
                if verdict != "refuted":
                    missed.append(f"{contract}.{name}")
        plant(copy, fault, False)
    print(f"{count - len(missed)} of {count} theorems refuted under their fault, in {time.monotonic() - started:.0f} s")
    if missed:
        fail(f"not refuted: {', '.join(missed)}")
    shutil.rmtree(copy)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--contract")
    parser.add_argument("--function")
    parser.add_argument("--faults", nargs="?", const="", metavar="TEXT")
    options = parser.parse_args()
    every = theorems()
    if options.faults is not None:
        refute(every, options.faults)
    else:
        prove(every, options.contract, options.function)


if __name__ == "__main__":
    main()
