#!/usr/bin/env python3
"""Holds the translation of integers.py against z3's own arithmetic of bit vectors, on random terms and numbers.

    check_translation.py [--seed NUMBER] [--cases NUMBER]

A proof says "no numbers do this"; it is worth nothing if the translation loses numbers. So for random formulas and random
values of their variables: with the variables pinned, everything that the translation adds has to be satisfiable together
with every formula having the truth that z3 computes for it. Every operator has to occur.
"""
import argparse
import random
import sys
from collections import Counter

import z3

from integers import NotUnderstood, Translation

SIZES = (8, 24, 256)
FORMULAS = 3
LEAST_OF_EACH = 20


class Terms:
    """Random terms over a few variables, as halmos writes them."""

    def __init__(self, rng, size):
        self.rng, self.size, self.used = rng, size, Counter()
        self.variables = [z3.BitVec(f"x{i}", size) for i in range(3)]
        sort = z3.BitVecSort(size)
        self.halmos = {name: z3.Function(f"f_evm_{name}_{size}", sort, sort, sort) for name in ("bvmul", "bvudiv", "bvurem")}
        wide = z3.BitVecSort(2 * size)
        self.wide = {name: z3.Function(f"f_evm_{name}_{2 * size}", wide, wide, wide) for name in ("bvmul", "bvurem")}

    def number(self):
        top = (1 << self.size) - 1
        return self.rng.choice((
            0, 1, 2, top, top - 1, top >> 1, 1 << self.rng.randrange(self.size), self.rng.randint(0, top),
            self.rng.randint(0, top) >> self.rng.randrange(self.size), self.rng.randint(0, 20),
        ))

    def term(self, depth):
        if depth == 0 or self.rng.random() < 0.1:
            return self.rng.choice(self.variables) if self.rng.random() < 0.75 else z3.BitVecVal(self.number(), self.size)
        name = self.rng.choice([name for name in dir(self) if name.startswith("make_")])
        self.used[name[5:]] += 1
        return getattr(self, name)(depth - 1)

    def pair(self, depth):
        return self.term(depth), self.term(depth)

    def make_sum(self, depth):
        return self.term(depth) + self.term(depth)

    def make_difference(self, depth):
        return self.term(depth) - self.term(depth)

    def make_negation(self, depth):
        return -self.term(depth)

    def make_product(self, depth):
        return self.term(depth) * self.term(depth)

    def make_multiple(self, depth):
        return z3.BitVecVal(self.number(), self.size) * self.term(depth)

    def make_quotient(self, depth):
        return z3.UDiv(*self.pair(depth))

    def make_rest(self, depth):
        return z3.URem(*self.pair(depth))

    def make_halmos_product(self, depth):
        return self.halmos["bvmul"](*self.pair(depth))

    def make_halmos_quotient(self, depth):
        return self.halmos["bvudiv"](*self.pair(depth))

    def make_halmos_rest(self, depth):
        return self.halmos["bvurem"](*self.pair(depth))

    def make_product_modulo(self, depth):
        one, other, modulus = (z3.ZeroExt(self.size, self.term(depth)) for _ in range(3))
        return z3.Extract(self.size - 1, 0, self.wide["bvurem"](self.wide["bvmul"](one, other), modulus))

    def make_inverse(self, depth):
        return ~self.term(depth)

    def make_and(self, depth):
        return self.term(depth) & self.term(depth)

    def make_or(self, depth):
        return self.term(depth) | self.term(depth)

    def make_shift_left(self, depth):
        return self.term(depth) << self.rng.randrange(self.size + 2)

    def make_shift_right(self, depth):
        return z3.LShR(self.term(depth), self.rng.randrange(self.size + 2))

    def make_choice(self, depth):
        return z3.If(self.formula(depth), self.term(depth), self.term(depth))

    def make_parts(self, depth):
        at = self.rng.randrange(1, self.size)
        return z3.Concat(z3.Extract(at - 1, 0, self.term(depth)), z3.Extract(self.size - 1, at, self.term(depth)))

    def make_low(self, depth):
        bits = self.rng.randrange(1, self.size)
        return z3.Concat(z3.BitVecVal(0, self.size - bits), z3.Extract(bits - 1, 0, self.term(depth)))

    def formula(self, depth):
        order = self.rng.choice((z3.ULE, z3.ULT, z3.UGE, z3.UGT, lambda x, y: x == y, lambda x, y: x != y))
        made = order(self.term(depth), self.term(depth))
        shape = self.rng.random()
        if depth and shape < 0.15:
            return z3.And(made, self.formula(depth - 1))
        if depth and shape < 0.3:
            return z3.Or(z3.Not(made), self.formula(depth - 1))
        return made


def evaluated(formula, values, terms):
    """What the formula is for these values, by z3 and by what the EVM says of zero divisors."""
    functions = []
    for name, function in [*terms.halmos.items(), *terms.wide.items()]:
        size = function.domain(0).size()
        x, y = z3.Var(0, z3.BitVecSort(size)), z3.Var(1, z3.BitVecSort(size))
        by_zero = {"bvudiv": z3.UDiv, "bvurem": z3.URem}.get(name)
        body = x * y if by_zero is None else z3.If(y == 0, z3.BitVecVal(0, size), by_zero(x, y))
        functions.append((function, body))
    plain = z3.substitute_funs(formula, *functions)
    pins = [(variable, z3.BitVecVal(value, terms.size)) for variable, value in zip(terms.variables, values)]
    answer = z3.simplify(z3.substitute(plain, *pins))
    if not (z3.is_true(answer) or z3.is_false(answer)):
        raise SystemExit(f"z3 does not say what is {formula} for {values}")
    return z3.is_true(answer)


def check(rng, used):
    """Whether one random case is translated without a loss; None if it is not understood or not decided."""
    terms = Terms(rng, rng.choice(SIZES))
    values = [terms.number() for _ in terms.variables]
    formulas = [terms.formula(rng.randrange(1, 4)) for _ in range(FORMULAS)]
    translation = Translation()
    for variable, value in zip(terms.variables, values):
        if rng.random() < 0.3:  # as halmos tells the width of a parameter
            width = max(1, value.bit_length())
            if width < terms.size:
                low = z3.Extract(width - 1, 0, variable)
                translation.bound_variable(variable == z3.Concat(z3.BitVecVal(0, terms.size - width), low))
    try:
        translated = [translation.truth(formula) for formula in formulas]
    except NotUnderstood as reason:
        raise SystemExit(f"no translation of {reason}") from reason
    lemmas = list(translation.lemmas(crossed=rng.random() < 0.3))
    wanted = [made == evaluated(formula, values, terms) for made, formula in zip(translated, formulas)]
    pins = [translation.variables[f"x{i}"][0] == value for i, value in enumerate(values) if f"x{i}" in translation.variables]
    solver = z3.Then("simplify", "propagate-values", "solve-eqs", "smt").solver()
    solver.set("timeout", 5000)
    solver.add(wanted + pins + translation.facts + lemmas + list(translation.exact()))
    answer = solver.check()
    if answer == z3.unsat:
        print(f"lost: {dict(zip(terms.variables, values))}", *formulas, sep="\n  ")
        return False
    if answer == z3.unknown:
        return None
    used.update(terms.used)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=400)
    options = parser.parse_args()
    used, seen = Counter(), Counter()
    for case in range(options.cases):
        answer = check(random.Random(f"{options.seed}/{case}"), used)
        seen[answer] += 1
        if answer is False:
            raise SystemExit(f"case {case} of seed {options.seed}: the translation excludes numbers that exist")
    names = [name[5:] for name in dir(Terms) if name.startswith("make_")]
    rare = [name for name in names if used[name] < LEAST_OF_EACH]
    if rare or seen[True] < options.cases * 9 // 10:
        raise SystemExit(f"too few cases: {dict(seen)}, rare: {', '.join(rare)}")
    print(f"the translation loses nothing in {seen[True]} random cases over {len(names)} operators ({seen[None]} undecided)")


if __name__ == "__main__":
    sys.exit(main())
