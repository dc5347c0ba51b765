"""Bit vector terms of a query of halmos as polynomials over the integers.

Bit-blasting does not get through products and quotients of symbolic numbers; over the integers they are easy. The
translation is exact where it can be and weaker where it cannot: every fact that it adds holds for the bit vectors too, and
an assertion that is not understood is left out. So "unsat" over the integers means "unsat" of the query.

A product of unknowns is one more unknown, about which as much is said as a linear solver may need (`lemmas`): then nearly
every query is decided by linear arithmetic. `exact` says the rest.
"""
import itertools
from collections import Counter
from typing import NamedTuple

import z3


# Lemmas speak of products, whose lemmas speak of more products; from here on nothing more is said.
MOST_PRODUCTS = 64


class NotUnderstood(Exception):
    """A term outside of the translation."""


class Number(NamedTuple):
    """An integer from 0 to `high`: coefficients by monomial, a monomial being a sorted tuple of atoms.

    `soft` is what would be the upper bound if nothing wrapped around.
    """

    poly: dict
    high: int
    soft: int


class Atom(NamedTuple):
    """An unknown, with what it is under which condition, as polynomials."""

    value: z3.ArithRef
    high: int
    soft: int
    definitions: tuple


def constant(value):
    """A number that is known."""
    return Number({(): value} if value else {}, value, value)


def key_of(poly):
    return tuple(sorted(poly.items()))


def combined(parts):
    """The sum of factors times polynomials."""
    total = Counter()
    for factor, poly in parts:
        for monomial, coefficient in poly.items():
            total[monomial] += factor * coefficient
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}


class Translation:
    """Facts about one query."""

    def __init__(self):
        self.facts = []
        self.atoms = []
        self.terms = {}
        self.bounds = {}
        self.variables = {}
        self.products = {}
        self.known = {}

    # Numbers

    def atom(self, high, soft=None, name=None, definitions=()):
        """A fresh unknown from 0 to `high`."""
        place = len(self.atoms)
        # No "!" in a name: such are z3's own.
        value = z3.Int(name or f"atom.{place}")
        self.facts += [value >= 0, value <= high]
        self.atoms.append(Atom(value, high, high if soft is None else min(soft, high), definitions))
        return Number({(place,): 1}, high, self.atoms[place].soft)

    def monomial(self, monomial):
        """Its value; a product of several atoms is an unknown of its own."""
        if len(monomial) == 0:
            return z3.IntVal(1)
        if len(monomial) == 1:
            return self.atoms[monomial[0]].value
        if monomial not in self.products:
            value = z3.Int("product." + ".".join(map(str, monomial)))
            self.products[monomial] = value
            self.facts.append(value >= 0)
        return self.products[monomial]

    def expression(self, poly):
        """The value of a polynomial, linear in atoms and products."""
        return z3.Sum([z3.IntVal(0)] + [coefficient * self.monomial(monomial) for monomial, coefficient in poly.items()])

    def named(self, number):
        """The number as one monomial with a coefficient, by giving a sum a name."""
        if len(number.poly) <= 1:
            return number
        key = ("named", key_of(number.poly))
        if key not in self.known:
            name = self.atom(number.high, number.soft, definitions=((z3.BoolVal(True), number.poly),))
            self.facts.append(self.expression(name.poly) == self.expression(number.poly))
            self.known[key] = name
        return self.known[key]

    def reduced(self, poly, low, high, soft, size):
        """A polynomial between `low` and `high`, modulo 2^size."""
        if low >= 0 and high < 1 << size:
            return Number(poly, high, min(soft, high))
        key = ("reduced", key_of(poly), size)
        if key not in self.known:
            wraps = z3.Int(f"wraps.{len(self.atoms)}")
            answer = self.atom((1 << size) - 1, soft if soft >= 0 else None, definitions=((wraps == 0, poly),))
            self.facts += [wraps >= low >> size, wraps <= high >> size]
            self.facts.append(self.expression(answer.poly) == self.expression(poly) - wraps * (1 << size))
            self.known[key] = answer
        return self.known[key]

    def multiplied(self, first, second):
        """The exact product of two numbers."""
        first, second = self.named(first), self.named(second)
        poly = {}
        for one, coefficient in first.poly.items():
            for other, factor in second.poly.items():
                poly[tuple(sorted(one + other))] = coefficient * factor
        return Number(poly, first.high * second.high, first.soft * second.soft)

    def divided(self, value, by, at_zero=None):
        """(quotient, rest). `at_zero` is what both are if the divisor is zero."""
        fixed = by.poly.get((), 0) if set(by.poly) <= {()} else None
        if fixed is not None and fixed > 0 and value.high < fixed:
            return constant(0), value
        zeros = None if fixed else tuple(key_of(each.poly) for each in at_zero)
        key = ("divided", key_of(value.poly), key_of(by.poly), zeros)
        if key not in self.known:
            if fixed:
                quotient = self.atom(value.high // fixed, value.soft // fixed)
                rest = self.atom(fixed - 1)
            else:
                quotient = self.atom(max(value.high, at_zero[0].high), value.soft)
                rest = self.atom(max(value.high, at_zero[1].high), min(value.soft, by.soft))
            product = self.multiplied(quotient, by)
            exact = self.expression(value.poly) == self.expression(product.poly) + self.expression(rest.poly)
            if fixed:
                self.facts.append(exact)
            else:
                divisor = self.expression(by.poly)
                zero = [self.expression(q.poly) == self.expression(z.poly) for q, z in zip((quotient, rest), at_zero)]
                within = [self.expression(rest.poly) < divisor, self.expression(quotient.poly) <= self.expression(value.poly)]
                self.facts.append(z3.If(divisor == 0, z3.And(zero), z3.And(exact, *within)))
            self.known[key] = (quotient, rest)
        return self.known[key]

    # Terms

    def number(self, term):
        """The term as a number."""
        key = term.get_id()
        if key not in self.terms:
            self.terms[key] = (self._number(term), term)
        return self.terms[key][0]

    def _number(self, term):
        size = term.size()
        top = (1 << size) - 1
        kind = term.decl().kind()
        children = term.children()
        if z3.is_bv_value(term):
            return constant(term.as_long())
        if kind == z3.Z3_OP_UNINTERPRETED:
            return self._named_by_halmos(term, size)
        if kind in (z3.Z3_OP_BADD, z3.Z3_OP_BSUB, z3.Z3_OP_BNEG, z3.Z3_OP_BMUL):
            return self._sum(term, size)
        if kind == z3.Z3_OP_CONCAT:
            parts, high, soft, place = [], 0, 0, 0
            for part in reversed(children):
                number = self.number(part)
                parts.append((1 << place, number.poly))
                high, soft = high + (number.high << place), soft + (number.soft << place)
                place += part.size()
            return Number(combined(parts), high, soft)
        if kind == z3.Z3_OP_ZERO_EXT:
            return self.number(children[0])
        if kind == z3.Z3_OP_EXTRACT:
            high, low = term.params()
            above = self._split(self.number(children[0]), low)[0]
            return self._split(above, high - low + 1)[1]
        if kind == z3.Z3_OP_ITE:
            return self._either(self.truth(children[0]), self.number(children[1]), self.number(children[2]))
        if kind in (z3.Z3_OP_BUDIV, z3.Z3_OP_BUDIV_I):
            value, by = map(self.number, children)
            return self.divided(value, by, (constant(top), value))[0]
        if kind in (z3.Z3_OP_BUREM, z3.Z3_OP_BUREM_I):
            value, by = map(self.number, children)
            return self.divided(value, by, (constant(top), value))[1]
        if kind == z3.Z3_OP_BNOT:
            return Number(combined([(1, {(): top}), (-1, self.number(children[0]).poly)]), top, top)
        if kind in (z3.Z3_OP_BAND, z3.Z3_OP_BOR):
            return self._bitwise(kind, [self.number(child) for child in children])
        if kind in (z3.Z3_OP_BLSHR, z3.Z3_OP_BSHL) and z3.is_bv_value(children[1]):
            by = children[1].as_long()
            if by >= size:
                return constant(0)
            if kind == z3.Z3_OP_BLSHR:
                return self._split(self.number(children[0]), by)[0]
            kept = self._split(self.number(children[0]), size - by)[1]
            return Number(combined([(1 << by, kept.poly)]), kept.high << by, kept.soft << by)
        raise NotUnderstood(str(term.decl()))

    def _named_by_halmos(self, term, size):
        """A variable, or what halmos puts for products and quotients, which are zero if the divisor is."""
        name = term.decl().name()
        if not term.children():
            high = self.bounds.get(name, (1 << size) - 1)
            number = self.atom(high, name=name)
            self.variables[name] = (self.expression(number.poly), size)
            return number
        if name == f"f_evm_bvmul_{size}":
            return self._product(term.children(), size)
        if name in (f"f_evm_bvudiv_{size}", f"f_evm_bvurem_{size}"):
            value, by = map(self.number, term.children())
            return self.divided(value, by, (constant(0), constant(0)))[name.startswith("f_evm_bvurem")]
        raise NotUnderstood(name)

    def _sum(self, term, size):
        """A sum of products with signed factors, reduced once."""
        parts, low, high, soft = [], 0, 0, 0
        for factor, number in self._linear(term, 1):
            factor %= 1 << size
            if factor >> (size - 1):
                factor -= 1 << size
            parts.append((factor, number.poly))
            low, high = low + min(0, factor * number.high), high + max(0, factor * number.high)
            soft += max(0, factor * number.soft)
        return self.reduced(combined(parts), low, high, soft, size)

    def _linear(self, term, factor):
        kind = term.decl().kind()
        children = term.children()
        if kind == z3.Z3_OP_BADD:
            return [part for child in children for part in self._linear(child, factor)]
        if kind == z3.Z3_OP_BSUB:
            first, *others = children
            return self._linear(first, factor) + [part for child in others for part in self._linear(child, -factor)]
        if kind == z3.Z3_OP_BNEG:
            return self._linear(children[0], -factor)
        if kind == z3.Z3_OP_BMUL:
            for child in children:
                factor *= child.as_long() if z3.is_bv_value(child) else 1
            others = [child for child in children if not z3.is_bv_value(child)]
            if len(others) == 1:
                return self._linear(others[0], factor)
            return [(factor, self._product(others, term.size()))]
        return [(factor, self.number(term))]

    def _product(self, factors, size):
        answer = constant(1)
        # In one order, so that the same product is the same expression.
        for factor in sorted((self.number(child) for child in factors), key=lambda number: key_of(number.poly)):
            product = self.multiplied(answer, factor)
            answer = self.reduced(product.poly, 0, product.high, product.soft, size)
        return answer

    def _split(self, number, bits):
        """(what stands above the lowest `bits` bits, those bits)."""
        return (number, constant(0)) if bits == 0 else self.divided(number, constant(1 << bits))

    def _either(self, condition, then, other):
        definitions = ((condition, then.poly), (z3.Not(condition), other.poly))
        answer = self.atom(max(then.high, other.high), max(then.soft, other.soft), definitions=definitions)
        value = self.expression(answer.poly)
        self.facts.append(value == z3.If(condition, self.expression(then.poly), self.expression(other.poly)))
        return answer

    def _bitwise(self, kind, numbers):
        """Some number within the bounds that the operands set."""
        values = [self.expression(number.poly) for number in numbers]
        if kind == z3.Z3_OP_BAND:
            answer = self.atom(min(number.high for number in numbers))
            self.facts += [self.expression(answer.poly) <= value for value in values]
            return answer
        answer = self.atom(max((1 << number.high.bit_length()) - 1 for number in numbers))
        value = self.expression(answer.poly)
        self.facts += [value >= each for each in values]
        self.facts.append(value <= z3.Sum(values))
        return answer

    # Formulas

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
                equal = self._compared(children, lambda x, y: x == y)
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
        return self._compared(children, order)

    def _compared(self, children, order):
        first, second = (self.expression(self.number(child).poly) for child in children)
        return order(first, second)

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

    # Products

    def lemmas(self, crossed=False):
        """Linear facts that hold for all products of numbers from zero up. With `crossed`, also of what is a factor
        somewhere with what is one elsewhere: two products are often compared by a third."""
        if crossed:
            factors = sorted({place for monomial in self.products for place in monomial})
            for pair in itertools.combinations(factors, 2):
                self.monomial(pair)
        done = []
        while len(done) < min(len(self.products), MOST_PRODUCTS):
            for monomial in list(self.products)[len(done):MOST_PRODUCTS]:
                yield from self._bounds_of(monomial)
                for other in done:
                    yield from self._order_of(monomial, other)
                done.append(monomial)

    def _bounds_of(self, monomial):
        product = self.monomial(monomial)
        for place in sorted(set(monomial)):
            rest = list(monomial)
            rest.remove(place)
            value, high, soft, definitions = self.atoms[place]
            others = self.monomial(tuple(rest))
            yield product <= high * others
            if soft < high:
                yield z3.Implies(value <= soft, product <= soft * others)
            yield z3.Implies(value >= 1, product >= others)
            for condition, poly in definitions:
                expanded = {tuple(sorted(rest + list(part))): factor for part, factor in poly.items()}
                yield z3.Implies(condition, product == self.expression(expanded))

    def _order_of(self, first, second):
        common = Counter(first) & Counter(second)
        if not common:
            return
        shared, one, other = (
            self.monomial(tuple(sorted(part.elements())))
            for part in (common, Counter(first) - common, Counter(second) - common)
        )
        yield z3.Implies(one <= other, self.monomial(first) <= self.monomial(second))
        yield z3.Implies(other <= one, self.monomial(second) <= self.monomial(first))
        yield z3.Implies(one < other, self.monomial(first) + shared <= self.monomial(second))
        yield z3.Implies(other < one, self.monomial(second) + shared <= self.monomial(first))

    def exact(self):
        """What every product is."""
        for monomial, value in self.products.items():
            yield value == z3.Product([self.atoms[place].value for place in monomial])
