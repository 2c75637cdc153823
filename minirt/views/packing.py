"""How does a recording become small, before it is deflated?

A recording is long lists of things that are alike: rows of one shape, times that grow, lists that
are the list before but for one row. So a list is stored by columns, each thing that comes often
once, of numbers only the differences, and of the last lines of a console, which go on from those
before, only what is new; what deflate finds then is a fifth of what it found before.
`static/unpacking.js` does what `unpacked` does.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, count, islice, pairwise, takewhile
from operator import is_
from typing import Any

MICRO = 1_000_000  # times have six digits behind the point
RAW, ONCE, NAMES, TABLE, RAGGED, NUMBERS, DICTS, HOLES, PIECES = range(9)
NEW = -1  # among the places of names: the next one that was not there before


def packed(items: Sequence[Any]) -> list[Any]:
    """A list of JSON values, as [how it is stored, ...]."""
    kinds = set(map(type, items))
    if len(kinds) == 2 and type(None) in kinds:
        return [HOLES, packed([int(item is None) for item in items]), packed(_without_none(items))]
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is int or kind is float:
        return _numbers(items)
    if kind is str or kind is list:
        return _once(items) or (_lists(items) if kind is list else [RAW, *items])
    return _dicts(items) if kind is dict else [RAW, *items]


def unpacked(stored: Sequence[Any]) -> list[Any]:
    """The list that was packed."""
    how, *rest = stored
    if how == ONCE:
        distinct = unpacked(rest[0])
        return [distinct[number] for number in unpacked(rest[1])]
    if how == NAMES:
        distinct, fresh = unpacked(rest[0]), count()
        return [distinct[next(fresh) if at == NEW else at] for at in rest[1]]
    if how == TABLE:
        return [list(row) for row in zip(*map(unpacked, rest), strict=True)]
    if how == RAGGED:
        items = iter(unpacked(rest[1]))
        return [[next(items) for _ in range(length)] for length in unpacked(rest[0])]
    if how == PIECES:
        return list(_pieced_together(*map(unpacked, rest)))
    if how == NUMBERS:
        sums = accumulate(rest[1:])
        return list(sums) if rest[0] == 1 else [number / rest[0] for number in sums]
    if how == DICTS:
        columns = {name: iter(unpacked(column)) for name, column in rest[2].items()}
        shapes = unpacked(rest[0])
        return [{name: next(columns[name]) for name in shapes[at]} for at in unpacked(rest[1])]
    if how == HOLES:
        items = iter(unpacked(rest[1]))
        return [None if is_hole else next(items) for is_hole in unpacked(rest[0])]
    return rest


def _without_none(items: Sequence[Any]) -> list[Any]:
    return [item for item in items if item is not None]


def _numbers(items: Sequence[Any]) -> list[Any]:
    """The first, and then by how much each is more than the one before."""
    scale = 1 if isinstance(items[0], int) else MICRO
    whole = [round(item * scale) for item in items]
    if scale != 1 and any(n / scale != item for n, item in zip(whole, items, strict=True)):
        return [RAW, *items]
    return [NUMBERS, scale, whole[0], *(after - before for before, after in pairwise(whole))]


def _once(items: Sequence[Any]) -> list[Any]:
    """Each once, and which one comes where; empty if that is not shorter."""
    numbers: dict[str, int] = {}
    distinct: list[Any] = []
    places: list[int] = []
    are_texts = isinstance(items[0], str)
    # names come again and again; identities and rows move on
    are_names = are_texts and not all(map(str.isdecimal, items))
    if not are_texts and 2 * len({repr(item[:1]) for item in items}) > len(items):
        return []  # even by their first parts
    for item in items:
        key = item if are_texts else repr(item)  # 1, 1.0 and True are three
        is_new = key not in numbers
        if is_new:
            numbers[key] = len(distinct)
            distinct.append(item)
            if 2 * len(distinct) > len(items):
                return []
        places.append(NEW if is_new and are_names else numbers[key])
    if are_names:
        return [NAMES, [RAW, *distinct], places]
    return [ONCE, packed(distinct), packed(places)]


def _lists(items: Sequence[Any]) -> list[Any]:
    """By columns, if all are as long; else how long they are, and all of them in a row."""
    lengths = set(map(len, items))
    if len(lengths) == 1 and 0 < len(items[0]) < 10 and len(items) > 1:
        return [TABLE, *(packed(column) for column in zip(*items, strict=True))]
    if len(items) < 2:
        return [RAW, *items]
    pieces = _pieces(items)
    if pieces:
        return pieces
    flat = [item for inner in items for item in inner]
    return [RAGGED, packed([len(item) for item in items]), packed(flat)]


def _pieces(items: Sequence[Any]) -> list[Any]:
    """Of each list: where it goes on from the one before, for how long, how many more it has; and
    these. Empty unless they go on: most of their parts must be the very objects of the list before.
    """
    starts: list[int] = []
    lengths: list[int] = []
    more: list[int] = []
    flat: list[Any] = []
    before: list[Any] = []
    for item in items:
        start = next((at for at, part in enumerate(before) if item and part is item[0]), 0)
        length = sum(takewhile(bool, map(is_, item, before[start:])))
        starts.append(start)
        lengths.append(length)
        more.append(len(item) - length)
        flat += item[length:]
        before = item
    if 2 * len(flat) > sum(map(len, items)):
        return []
    return [PIECES, packed(starts), packed(lengths), packed(more), packed(flat)]


def _pieced_together(
    starts: Iterable[int], lengths: Iterable[int], more: Iterable[int], flat: Iterable[Any]
) -> Iterator[list[Any]]:
    before: list[Any] = []
    rest = iter(flat)
    for start, length, count_of_more in zip(starts, lengths, more, strict=True):
        before = [*before[start : start + length], *islice(rest, count_of_more)]
        yield before


def _dicts(items: Sequence[Any]) -> list[Any]:
    """The names that come together, which of these comes where, and the values by name."""
    shapes: dict[tuple[str, ...], int] = {}
    columns: dict[str, list[Any]] = {}
    places = []
    for item in items:
        places.append(shapes.setdefault(tuple(item), len(shapes)))
        for name, value in item.items():
            columns.setdefault(name, []).append(value)
    named = [list(shape) for shape in shapes]
    return [
        *(DICTS, [RAW, *named], packed(places)),
        {name: packed(values) for name, values in columns.items()},
    ]
