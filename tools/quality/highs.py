#!/usr/bin/env python3
"""Solves the allocator's problems with HiGHS and compares.

highs.py check FILE...          every plan is worth at most the optimum, and the optimum at most the bound; how far below it
highs.py bench FILE OUT         the same, with times, written as bench/allocator.json is

A file holds one problem per line, as `quality` writes them.
"""
import json
import os
import sys
import time

import highspy
import numpy as np

# Assets and yearly values are handed over in whole units of the asset, as floating point likes them.
ASSET = 10**6
VALUE = ASSET * 2**56
# What HiGHS calls feasible and optimal is so to about one part in a million of the whole.
TOLERANCE = 1e-6
# Floors: below these shares of all problems the check would not say much.
FLOORS = {"group": 0.4, "turnover": 0.4, "kink": 0.5, "moves": 0.9}
EXACT_FLOORS = {"group": 0.4, "turnover": 0.4, "moves": 0.9}


def pieces(slopes):
    """Ranges of segments between which a curve is not concave."""
    found, start = [], 0
    for place in range(1, len(slopes) + 1):
        if place == len(slopes) or slopes[place] > slopes[place - 1]:
            found.append((start, place))
            start = place
    return found


class Model:
    """The mixed-integer program of a problem: one switch for each concave stretch of each side."""

    def __init__(self, problem):
        self.cost, self.upper, self.is_integer, self.entries = [], [], [], []
        self.row_low, self.row_high = [], []
        infinity = highspy.kHighsInf
        idle = self.row(-infinity, int(problem["idle"]) / ASSET)
        turnover = self.row(-infinity, int(problem["turnover"]) / ASSET)
        groups = [self.row(-infinity, int(room) / ASSET) for room in problem["groups"]]
        legs = self.row(-infinity, problem["most_legs"])
        leg = int(problem["leg_cost"])
        for strategy in problem["strategies"]:
            one = self.row(-infinity, 1)
            for way, sign in (("in", 1), ("out", -1)):
                least = int(strategy[way]["least"])
                ends = [int(end) for end in strategy[way]["ends"]]
                slopes = [int(slope) for slope in strategy[way]["slopes"]]
                starts = [0, *ends[:-1]]
                values = [0]
                for start, end, slope in zip(starts, ends, slopes):
                    values.append(values[-1] + slope * (end - start))
                shared = [(idle, sign), (turnover, 1)]
                shared += [(groups[group], sign) for group in strategy["groups"]]
                for first, last in pieces(slopes):
                    begin = starts[first]
                    if ends[last - 1] < max(least, begin):
                        continue
                    switch = self.column((values[first] - leg) / VALUE, 1, True)
                    self.entries[switch] += [(one, 1), (legs, 1)]
                    if begin:
                        self.entries[switch] += [(row, entry * begin / ASSET) for row, entry in shared]
                    smallest = self.row(0, infinity)
                    self.entries[switch].append((smallest, -max(0, least - begin) / ASSET))
                    for place in range(first, last):
                        length = (ends[place] - starts[place]) / ASSET
                        part = self.column(slopes[place] * ASSET / VALUE, length, False)
                        link = self.row(0, infinity)
                        self.entries[switch].append((link, length))
                        self.entries[part] += [(link, -1), (smallest, 1), *shared]

    def row(self, low, high):
        self.row_low.append(low)
        self.row_high.append(high)
        return len(self.row_low) - 1

    def column(self, cost, upper, is_integer):
        self.cost.append(cost)
        self.upper.append(upper)
        self.is_integer.append(is_integer)
        self.entries.append([])
        return len(self.cost) - 1

    def handed_over(self, gap):
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self.cost), len(self.row_low)
        program.sense_ = highspy.ObjSense.kMaximize
        program.col_cost_, program.col_upper_ = np.array(self.cost), np.array(self.upper)
        program.col_lower_ = np.zeros(len(self.cost))
        program.row_lower_, program.row_upper_ = np.array(self.row_low), np.array(self.row_high)
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = np.cumsum([0] + [len(entries) for entries in self.entries])
        flat = [entry for entries in self.entries for entry in entries]
        program.a_matrix_.index_ = np.array([row for row, _ in flat])
        program.a_matrix_.value_ = np.array([float(value) for _, value in flat])
        kinds = highspy.HighsVarType
        program.integrality_ = [kinds.kInteger if is_one else kinds.kContinuous for is_one in self.is_integer]
        solver = highspy.Highs()
        solver.silent()
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("mip_rel_gap", 0.0)
        solver.setOptionValue("mip_abs_gap", gap)
        if solver.passModel(program) != highspy.HighsStatus.kOk:
            sys.exit("highs.py: HiGHS does not take the model")
        return solver


def solved(problem, gap):
    """The optimum but for an absolute gap, with the seconds of solving and of building and handing over."""
    began = time.perf_counter()
    solver = Model(problem).handed_over(gap)
    built = time.perf_counter()
    solver.run()
    ended = time.perf_counter()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        sys.exit(f"highs.py: problem {problem['seed']}: {solver.getModelStatus()}, expected an optimum")
    # Standing still is a plan, whatever the limits are.
    optimum = max(solver.getInfo().objective_function_value, 0.0)
    return optimum, ended - built, ended - began


def compare(problem, optimum):
    """The part of the optimum's income that our plan misses; ends the run if plan, optimum and bound are out of order."""
    ours = int(problem["ours"]["value"]) / VALUE
    bound = int(problem["ours"]["bound"]) / VALUE
    slack = TOLERANCE * max(optimum, 1.0)
    if ours > optimum + slack or optimum > bound + slack:
        sys.exit(f"highs.py: problem {problem['seed']}: plan {ours}, optimum {optimum}, bound {bound}: out of order")
    income = int(problem["income"]) / VALUE + optimum
    return max(optimum - ours, 0.0) / income if income > 0 else 0.0


def problems(file):
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def check(file):
    missing, counts = [], dict.fromkeys(FLOORS, 0)
    is_exact = True
    for problem in problems(file):
        optimum, *_ = solved(problem, TOLERANCE)
        missing.append(compare(problem, optimum))
        is_exact = is_exact and int(problem["leg_cost"]) == 0
        for name in counts:
            counts[name] += problem["traits"][name]
    missing.sort()
    count = len(missing)
    within = sum(part <= 0.001 for part in missing)
    shares = {name: counts[name] / count for name in counts}
    print(f"{file}: {count} problems; {within} within 0.1 % of the optimum's income, the worst misses {100 * missing[-1]:.4f} %")
    print("  of all: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items()))
    if within < 0.99 * count or missing[-1] > 0.01:
        sys.exit("highs.py: expected 99 % within 0.1 % of the optimum's income, and all within 1 %")
    for name, floor in (EXACT_FLOORS if is_exact else FLOORS).items():
        if shares[name] < floor:
            sys.exit(f"highs.py: {name} in {shares[name]:.2f} of all problems, expected at least {floor}: they show too little")


def median(values):
    return sorted(values)[len(values) // 2]


def bench(file, out):
    rows = {}
    for problem in problems(file):
        # HiGHS may stop where we may.
        optimum, solving, whole = solved(problem, int(problem["tolerance"]) / VALUE)
        row = rows.setdefault(len(problem["strategies"]), {"ours": [], "highs": [], "whole": [], "gap": []})
        row["ours"].append(problem["ours"]["nanoseconds"] / 1_000)
        row["highs"].append(solving * 1e6)
        row["whole"].append(whole * 1e6)
        bound = int(problem["ours"]["bound"]) / VALUE
        whole_income = int(problem["income"]) / VALUE + bound
        missing = bound - int(problem["ours"]["value"]) / VALUE
        row["gap"].append(missing / whole_income if whole_income > 0 else 0.0)
    figures = {
        str(count): {
            "problems": len(row["ours"]),
            "segments": 32,
            "ours_us": round(median(row["ours"]), 1),
            "highs_us": round(median(row["highs"]), 1),
            "highs_with_build_us": round(median(row["whole"]), 1),
            "gap": float(f"{max(row['gap']):.3g}"),
        }
        for count, row in sorted(rows.items())
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
        file.write("\n")
    publish(figures, os.path.join(os.path.dirname(os.path.abspath(out)), "README.md"))
    print(f"{'strategies':>10} {'ours':>12} {'HiGHS':>14} {'with model':>14} {'times':>8} {'largest gap':>12}")
    for count, row in figures.items():
        times = row["highs_us"] / row["ours_us"]
        print(f"{count:>10} {row['ours_us']:>9.1f} µs {row['highs_us']:>11.1f} µs {row['highs_with_build_us']:>11.1f} µs"
              f" {times:>8.0f} {100 * row['gap']:>10.4f} %")


def publish(figures, readme):
    """Puts the figures as a table between its marks in the README beside them."""
    rows = [
        "| strategies | problems | ours, µs | HiGHS, µs | with its model built, µs | times faster | largest gap |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for count, row in figures.items():
        times = row["highs_us"] / row["ours_us"]
        rows.append(f"| {int(count):,} | {row['problems']} | {row['ours_us']:,.1f} | {row['highs_us']:,.1f} |"
                    f" {row['highs_with_build_us']:,.1f} | {times:,.0f} | {100 * row['gap']:.2f} % |")
    begin, end = "<!-- allocator: written by `make bench-allocator` -->", "<!-- end of allocator -->"
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    before, after = text.split(begin)[0], text.split(end)[1]
    with open(readme, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n\n" + "\n".join(rows) + "\n\n" + end + after)


match sys.argv[1:]:
    case ["check", *files] if files:
        for one in files:
            check(one)
    case ["bench", one, target]:
        bench(one, target)
    case _:
        sys.exit(__doc__)
