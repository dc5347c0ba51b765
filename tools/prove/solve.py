#!/usr/bin/env python3
"""Decides one query of halmos, first over the integers, then by bits.

    solve.py [--timeout SECONDS] QUERY.smt2

Bit-blasting does not get through products and quotients of symbolic numbers; over the integers they are easy. The
translation is exact where it can be and weaker where it cannot: every added fact holds for the bit vectors too, and an
assertion that is not understood is left out. So "unsat" over the integers means "unsat" of the query. A model found
over the integers is put back into the query and confirmed by yices before anything is answered; if there is none,
yices decides the query itself.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import z3


class NotUnderstood(Exception):
    """A term outside of the translation."""


class Translation:
    """Bit vector terms as integers between 0 and 2^n - 1, with an upper bound of each by intervals."""

    def __init__(self):
        self.facts = []
        self.terms = {}
        self.splits = {}
        self.quotients = {}
        self.bounds = {}
        self.variables = {}
        self.count = 0

    def fresh(self, low, high):
        self.count += 1
        value = z3.Int(f"k!{self.count}")
        self.facts += [value >= low, value <= high]
        return value

    def bound_variable(self, assertion):
        """Notes `x = concat(0, extract(k, 0, x))`, which says that x has k + 1 bits."""
        if assertion.decl().kind() != z3.Z3_OP_EQ:
            return
        for x, other in (assertion.children(), reversed(assertion.children())):
            if not (z3.is_const(x) and z3.is_bv(x)) or other.decl().kind() != z3.Z3_OP_CONCAT:
                continue
            parts = other.children()
            if len(parts) != 2 or not z3.is_bv_value(parts[0]) or parts[0].as_long() != 0:
                continue
            low = parts[1]
            if low.decl().kind() == z3.Z3_OP_EXTRACT and low.params()[1] == 0 and low.arg(0).eq(x):
                self.bounds[x.decl().name()] = (1 << (low.params()[0] + 1)) - 1

    def number(self, term):
        """The term as (integer expression, upper bound)."""
        key = term.get_id()
        if key not in self.terms:
            self.terms[key] = (self._number(term), term)
        return self.terms[key][0]

    def _number(self, term):
        size = term.size()
        top = (1 << size) - 1
        kind = term.decl().kind()
        if z3.is_bv_value(term):
            return z3.IntVal(term.as_long()), term.as_long()
        if z3.is_const(term) and kind == z3.Z3_OP_UNINTERPRETED:
            name = term.decl().name()
            value = z3.Int(name)
            self.variables[name] = (value, term)
            high = self.bounds.get(name, top)
            self.facts += [value >= 0, value <= high]
            return value, high
        if kind in (z3.Z3_OP_BADD, z3.Z3_OP_BSUB, z3.Z3_OP_BNEG, z3.Z3_OP_BMUL):
            return self._sum(term)
        if kind == z3.Z3_OP_CONCAT:
            value, high = z3.IntVal(0), 0
            for part in term.children():
                number, most = self.number(part)
                value = number if high == 0 else value * (1 << part.size()) + number
                high = (high << part.size()) + most
            return value, high
        if kind == z3.Z3_OP_ZERO_EXT:
            return self.number(term.arg(0))
        if kind == z3.Z3_OP_EXTRACT:
            high, low = term.params()
            return self._split(self._split(self.number(term.arg(0)), low)[0], high - low + 1)[1]
        if kind == z3.Z3_OP_ITE:
            (then, most), (other, least) = self.number(term.arg(1)), self.number(term.arg(2))
            return z3.If(self.truth(term.arg(0)), then, other), max(most, least)
        if kind in (z3.Z3_OP_BUDIV, z3.Z3_OP_BUDIV_I):
            return self._divided(term)[0]
        if kind in (z3.Z3_OP_BUREM, z3.Z3_OP_BUREM_I):
            return self._divided(term)[1]
        if kind == z3.Z3_OP_BNOT:
            return top - self.number(term.arg(0))[0], top
        if kind in (z3.Z3_OP_BAND, z3.Z3_OP_BOR):
            return self._bitwise(kind, [self.number(child) for child in term.children()])
        if kind in (z3.Z3_OP_BLSHR, z3.Z3_OP_BSHL) and z3.is_bv_value(term.arg(1)):
            by = term.arg(1).as_long()
            if by >= size:
                return z3.IntVal(0), 0
            if kind == z3.Z3_OP_BLSHR:
                return self._split(self.number(term.arg(0)), by)[0]
            kept, most = self._split(self.number(term.arg(0)), size - by)[1]
            return kept * (1 << by), most << by
        raise NotUnderstood(str(term.decl()))

    def _sum(self, term):
        """A sum of products with signed factors, reduced once."""
        size = term.size()
        value, low, high = z3.IntVal(0), 0, 0
        for factor, number, most in self._linear(term, 1):
            factor %= 1 << size
            if factor >> (size - 1):
                factor -= 1 << size
            value = value + factor * number
            low, high = low + min(0, factor * most), high + max(0, factor * most)
        if low >= 0 and high < 1 << size:
            return z3.simplify(value), high
        wraps = self.fresh(low >> size, high >> size)
        top = (1 << size) - 1
        value = value - wraps * (1 << size)
        self.facts += [value >= 0, value <= top]
        return value, top

    def _linear(self, term, factor):
        kind = term.decl().kind()
        if kind == z3.Z3_OP_BADD:
            return [part for child in term.children() for part in self._linear(child, factor)]
        if kind == z3.Z3_OP_BSUB:
            first, *others = term.children()
            return self._linear(first, factor) + [part for child in others for part in self._linear(child, -factor)]
        if kind == z3.Z3_OP_BNEG:
            return self._linear(term.arg(0), -factor)
        if kind == z3.Z3_OP_BMUL:
            constants = [child.as_long() for child in term.children() if z3.is_bv_value(child)]
            others = [child for child in term.children() if not z3.is_bv_value(child)]
            for constant in constants:
                factor *= constant
            if len(others) == 1:
                return self._linear(others[0], factor)
            if not others:
                return [(factor, z3.IntVal(1), 1)]
            return [(factor, *self._product(others, term.size()))]
        return [(factor, *self.number(term))]

    def _product(self, factors, size):
        value, high = z3.IntVal(1), 1
        # In one order, so that the same product is the same expression.
        for factor in sorted(factors, key=lambda child: child.get_id()):
            number, most = self.number(factor)
            value, high = (number, most) if high == 1 and z3.is_int_value(value) else (value * number, high * most)
            if not z3.is_int_value(value):
                self.facts.append(value >= 0)  # follows from the factors, and helps
            if high >= 1 << size:
                wraps = self.fresh(0, high >> size)
                value = value - wraps * (1 << size)
                high = (1 << size) - 1
                self.facts += [value >= 0, value <= high]
        return value, high

    def _split(self, number, bits):
        """(what stands above the lowest `bits` bits, those bits)."""
        value, high = number
        if bits == 0:
            return number, (z3.IntVal(0), 0)
        if high < 1 << bits:
            return (z3.IntVal(0), 0), number
        key = (value.get_id(), bits)
        if key not in self.splits:
            above, below = self.fresh(0, high >> bits), self.fresh(0, (1 << bits) - 1)
            self.facts.append(value == above * (1 << bits) + below)
            self.splits[key] = ((above, high >> bits), (below, (1 << bits) - 1), value)
        return self.splits[key][:2]

    def _bitwise(self, kind, numbers):
        """Some number within the bounds that the operands set."""
        if kind == z3.Z3_OP_BAND:
            high = min(most for _, most in numbers)
            value = self.fresh(0, high)
            self.facts += [value <= number for number, _ in numbers]
            return value, high
        high = max((1 << most.bit_length()) - 1 for _, most in numbers)
        value = self.fresh(0, high)
        self.facts += [value >= number for number, _ in numbers]
        self.facts.append(value <= z3.Sum([number for number, _ in numbers]))
        return value, high

    def _divided(self, term):
        (value, high), (by, most) = self.number(term.arg(0)), self.number(term.arg(1))
        key = (value.get_id(), by.get_id(), term.size())
        if key not in self.quotients:
            top = (1 << term.size()) - 1
            if z3.is_int_value(by) and by.as_long() > 0:
                divisor = by.as_long()
                if high < divisor:
                    return (z3.IntVal(0), 0), (value, high)
                quotient, rest = self.fresh(0, high // divisor), self.fresh(0, divisor - 1)
                self.facts.append(value == quotient * divisor + rest)
                answer = (quotient, high // divisor), (rest, divisor - 1)
            else:
                quotient, rest = self.fresh(0, top), self.fresh(0, high)
                exact = z3.And(value == quotient * by + rest, rest < by, quotient <= value)
                self.facts.append(z3.If(by == 0, z3.And(quotient == top, rest == value), exact))
                answer = (quotient, top), (rest, high)
            self.quotients[key] = (*answer, value, by)
        return self.quotients[key][:2]

    def truth(self, term):
        """A formula."""
        kind = term.decl().kind()
        children = term.children()
        if kind in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
            return term
        if kind == z3.Z3_OP_NOT:
            return z3.Not(self.truth(children[0]))
        if kind in (z3.Z3_OP_AND, z3.Z3_OP_OR):
            parts = [self.truth(child) for child in children]
            return z3.And(parts) if kind == z3.Z3_OP_AND else z3.Or(parts)
        if kind == z3.Z3_OP_IMPLIES:
            return z3.Implies(self.truth(children[0]), self.truth(children[1]))
        if kind == z3.Z3_OP_ITE:
            return z3.If(*[self.truth(child) for child in children])
        if kind == z3.Z3_OP_UNINTERPRETED and not children:
            return term
        if kind in (z3.Z3_OP_EQ, z3.Z3_OP_DISTINCT) and len(children) == 2:
            if z3.is_bool(children[0]):
                equal = self.truth(children[0]) == self.truth(children[1])
            elif z3.is_bv(children[0]):
                equal = self.number(children[0])[0] == self.number(children[1])[0]
            else:
                raise NotUnderstood(str(children[0].sort()))
            return equal if kind == z3.Z3_OP_EQ else z3.Not(equal)
        order = {
            z3.Z3_OP_ULEQ: lambda x, y: x <= y,
            z3.Z3_OP_ULT: lambda x, y: x < y,
            z3.Z3_OP_UGEQ: lambda x, y: x >= y,
            z3.Z3_OP_UGT: lambda x, y: x > y,
        }.get(kind)
        if order is None:
            raise NotUnderstood(str(term.decl()))
        return order(self.number(children[0])[0], self.number(children[1])[0])


def translate(assertions):
    """Facts over the integers, and the variables they speak of."""
    translation = Translation()
    for assertion in assertions:
        translation.bound_variable(assertion)
    formulas = []
    for assertion in assertions:
        try:
            formulas.append(translation.truth(assertion))
        except NotUnderstood:
            continue
    return formulas + translation.facts, translation.variables


def over_integers(query, seconds):
    """("unsat", None), ("sat", values), or ("unknown", None)."""
    formulas, variables = translate(z3.parse_smt2_file(str(query)))
    # None of these is best at everything; most queries take the first a second.
    ways = (
        z3.Then("simplify", "propagate-values", "solve-eqs", "smt").solver(),
        z3.SolverFor("QF_NIA"),
        z3.Solver(),
    )
    for solver in ways:
        solver.set("timeout", int(seconds * 1000 / len(ways)))
        solver.add(formulas)
        answer = solver.check()
        if answer == z3.unsat:
            return "unsat", None
        if answer == z3.sat:
            model = solver.model()
            values = {name: model.eval(value, model_completion=True) for name, (value, _) in variables.items()}
            return "sat", {name: value.as_long() for name, value in values.items()}
    return "unknown", None


def by_bits(text, seconds):
    """What yices says."""
    yices = Path(sys.executable).with_name("yices-smt2")
    with tempfile.NamedTemporaryFile("w", suffix=".smt2") as file:
        file.write(text)
        file.flush()
        command = [str(yices), f"--timeout={max(1, int(seconds))}", "--smt2-model-format", "--bvconst-in-decimal", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("query", type=Path)
    options = parser.parse_args()
    text = options.query.read_text()

    # Without a product or quotient of two unknowns it is a matter of bits, and of yices alone.
    if not any(operator in text for operator in ("f_evm_bvmul", "f_evm_bvudiv", "f_evm_bvurem", "(bvudiv", "(bvurem")):
        print(by_bits(text, options.timeout), end="")
        return
    answer, values = over_integers(options.query, options.timeout)
    if answer == "unsat":
        print(answer)
        return
    if values is not None:
        pinned = "".join(f"(assert (= |{name}| (_ bv{value} 256)))\n" for name, value in values.items())
        at = text.rindex("(check-sat)")
        confirmed = by_bits(text[:at] + pinned + text[at:], options.timeout)
        if confirmed.startswith("sat"):
            print(confirmed, end="")
            return
    print(by_bits(text, options.timeout), end="")


if __name__ == "__main__":
    main()
