#!/usr/bin/env python3
"""Decides one query of halmos, over the integers or by bits.

    solve.py [--timeout SECONDS] QUERY.smt2

"Unsat" over the integers is "unsat" of the query: see integers.py. A model found over the integers is put back into the
query and confirmed by yices before anything is answered; if there is none, yices decides the query itself.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Without a product or quotient of two unknowns it is mostly a matter of bits, and done at once.
SECONDS_FOR_BITS = 1
NONLINEAR = ("f_evm_bvmul", "f_evm_bvudiv", "f_evm_bvurem", "(bvudiv", "(bvurem")


def translate(assertions):
    """The formulas of a query over the integers, and the translation with what it found out about them."""
    from integers import NotUnderstood, Translation

    translation = Translation()
    for assertion in assertions:
        translation.bound_variable(assertion)
    formulas = []
    for assertion in assertions:
        try:
            formulas.append(translation.truth(assertion))
        except NotUnderstood:
            continue
    return formulas, translation


def decide(solver, facts, variables, seconds):
    """("unsat", None), ("sat", values of the variables), or ("unknown", None)."""
    solver.set("timeout", int(seconds * 1000))
    solver.add(facts)
    answer = str(solver.check())
    if answer != "sat":
        return answer, None
    model = solver.model()
    values = {name: model.eval(value, model_completion=True).as_long() for name, (value, _) in variables.items()}
    return answer, {name: (values[name], size) for name, (_, size) in variables.items()}


def yices(query, seconds):
    """The command that decides a query by bits."""
    program = str(Path(sys.executable).with_name("yices-smt2"))
    return [program, f"--timeout={max(1, int(seconds))}", "--smt2-model-format", "--bvconst-in-decimal", str(query)]


def by_bits(text, seconds):
    """What yices says."""
    with tempfile.NamedTemporaryFile("w", suffix=".smt2") as file:
        file.write(text)
        file.flush()
        return subprocess.run(yices(file.name, seconds), capture_output=True, text=True, check=False).stdout


def decided(output):
    """What a solver said, or None if it did not get to an end."""
    return output if output.startswith(("sat", "unsat")) else None


def with_values(text, values):
    """The query with its variables pinned."""
    pinned = "".join(f"(assert (= |{name}| (_ bv{value} {size})))\n" for name, (value, size) in values.items())
    at = text.rindex("(check-sat)")
    return text[:at] + pinned + text[at:]


def refined(text):
    """The query with what halmos' symbols for products and quotients stand for. Halmos would do it in a second try."""
    declared = r"\(declare-fun f_evm_(\w+)_(\d+) \(\(_ BitVec \2\) \(_ BitVec \2\)\) \(_ BitVec \2\)\)"

    def defined(match):
        operator, size = match.groups()
        value = f"({operator} x y)"
        if operator != "bvmul":
            value = f"(ite (= y (_ bv0 {size})) (_ bv0 {size}) {value})"
        sort = f"(_ BitVec {size})"
        return f"(define-fun f_evm_{operator}_{size} ((x {sort}) (y {sort})) {sort} {value})"

    return re.sub(declared, defined, text)


def over_integers(query, text, seconds):
    """What a solver would print, or None."""
    import z3

    formulas, translation = translate(z3.parse_smt2_file(str(query)))
    exact = list(translation.exact())
    # Linear arithmetic decides nearly all. None of the others is best at everything.
    ways = (
        (z3.SolverFor("QF_LIA"), lambda: translation.lemmas()),
        (z3.Then("simplify", "propagate-values", "solve-eqs", "smt").solver(), lambda: exact),
        (z3.SolverFor("QF_LIA"), lambda: translation.lemmas(crossed=True)),
        (z3.SolverFor("QF_NIA"), lambda: exact),
    )
    for solver, about_products in ways:
        known = list(about_products())
        answer, values = decide(solver, formulas + translation.facts + known, translation.variables, seconds / 5)
        if answer == "unsat":
            return "unsat\n"
        if answer == "sat":
            model = by_bits(with_values(text, values), seconds / 5)
            if model.startswith("sat"):
                return model
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("query", type=Path)
    options = parser.parse_args()
    text = options.query.read_text()
    answer = None
    if not any(operator in text for operator in NONLINEAR):
        answer = decided(by_bits(text, SECONDS_FOR_BITS))
    text = refined(text)
    answer = answer or over_integers(options.query, text, options.timeout)
    print(answer or by_bits(text, options.timeout / 5), end="")


if __name__ == "__main__":
    main()
