"""A rule's condition, parsed by binding power (Pratt, "Top down operator precedence", 1973).

From loose to tight: `or`, `and`, `not`, comparisons, `+ -`, `* /`, unary minus. Nothing is
ever evaluated as Python.
"""

from __future__ import annotations

from opengraphs.alerts.rules.faults import fault_at, meant
from opengraphs.alerts.rules.functions import FUNCTIONS
from opengraphs.alerts.rules.tree import COMPARISONS, Binary, Call, Expr, Metric, Number, Unary
from opengraphs.alerts.rules.words import Word, words

MAX_DEPTH = 50
_POWERS = {"or": 1, "and": 2, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
_NOT, _COMPARE, _MINUS = 3, 4, 7
_ANY = 0


class Parser:
    """Words to a tree. What follows the condition (`for 10`) is left for whoever called.

    Raises, wherever it parses:
        UsageError: with line, column, a caret, and what was expected.
    """

    def __init__(self, text: str, start: int = 0) -> None:
        self.text = text
        self._words = words(text, start)
        self._place = 0
        self._depth = 0

    @property
    def next(self) -> Word:
        return self._words[self._place]

    def take(self) -> Word:
        word = self._words[self._place]
        self._place += word.kind != "end"
        return word

    def fault(self, word: Word, what: str, hint: str = "") -> Exception:
        return fault_at(self.text, word.at, what, hint)

    def condition(self) -> Expr:
        """The condition at the parser's place."""
        if self.next.kind == "end":
            raise self.fault(self.next, "the condition is missing", "write one, such as train/loss > 5")
        return self._expression(_ANY)

    def _expression(self, floor: int) -> Expr:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.fault(self.next, "nested too deep", f"at most {MAX_DEPTH} levels")
        left = self._value()
        while (power := self._power(self.next)) > floor:
            left = self._joined(left, power)
        self._depth -= 1
        return left

    def _power(self, word: Word) -> int:
        return _POWERS.get(word.text, 0) if word.kind in ("op", "word") else 0

    def _joined(self, left: Expr, power: int) -> Expr:
        op = self.take()
        right = self._expression(power)
        if power == _COMPARE and self._power(self.next) == _COMPARE:
            hint = "join two with and: x > 1 and x < 5"
            raise self.fault(self.next, "comparisons do not chain", hint)
        return Binary(op.text, left, right, left.at, right.end, op.at)

    def _value(self) -> Expr:
        word = self.take()
        if word.kind == "number":
            return Number(word.number, word.unit, word.at, word.end)
        if word.kind == "quoted":
            return Metric(word.text, False, word.at, word.end)
        if word.kind == "name":
            return self._named(word)
        if word.kind == "op" and word.text == "-":
            inner = self._expression(_MINUS)
            return Unary("-", inner, word.at, inner.end)
        if word.kind == "word" and word.text == "not":
            inner = self._expression(_NOT)
            return Unary("not", inner, word.at, inner.end)
        if word.kind == "op" and word.text == "(":
            return self._bracket(word)
        raise self.fault(word, f"expected a value, found {shown(word)}", _expected(word))

    def _bracket(self, opening: Word) -> Expr:
        inner = self._expression(_ANY)
        if self.next.text != ")":
            if self.next.kind == "end":
                raise self.fault(opening, "a bracket is not closed", "add ) at its end")
            raise self.unexpected("an operator or )")
        closing = self.take()
        return inner._replace(at=opening.at, end=closing.end)

    def _named(self, word: Word) -> Expr:
        if self.next.kind == "op" and self.next.text == "(":
            if word.text not in FUNCTIONS:
                raise self.fault(word, f"unknown function {word.text!r}", meant(word.text, FUNCTIONS))
            return self._call(word)
        return Metric(word.text, "*" in word.text or "?" in word.text, word.at, word.end)

    def _call(self, name: Word) -> Call:
        opening = self.take()
        args: list[Expr] = []
        while self.next.text != ")" or self.next.kind != "op":
            args.append(self._expression(_ANY))
            if self.next.text == "," and self.next.kind == "op":
                comma = self.take()
                if self.next.text == ")":
                    raise self.fault(comma, "an argument is missing behind the comma")
            elif self.next.kind == "end":
                raise self.fault(opening, "a bracket is not closed", "add ) at its end")
            elif self.next.text != ")":
                raise self.unexpected("a comma, an operator or )")
        closing = self.take()
        return Call(name.text, tuple(args), name.at, closing.end)

    def unexpected(self, wanted: str, words: tuple[str, ...] = ("and", "or")) -> Exception:
        """What to raise where the next word cannot stand; `words` could."""
        word = self.next
        hint = "a metric whose name has spaces is quoted" if word.kind in ("name", "quoted") else ""
        if word.kind == "name" and (near := meant(word.text, words)).startswith("did"):
            hint = near
        if word.text == ")" and word.kind == "op":
            return self.fault(word, "a closing bracket without an opening one", "remove it")
        return self.fault(word, f"expected {wanted}, found {shown(word)}", hint)


def shown(word: Word) -> str:
    return "the end" if word.kind == "end" else repr(("!" if word.kind == "level" else "") + word.text)


def _expected(word: Word) -> str:
    if word.kind == "word":
        return f'a value is a number, a metric or a function; a metric named {word.text} is quoted: "{word.text}"'
    return "a value is a number, a metric, a function or a bracket"
