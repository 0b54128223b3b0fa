"""What numba's loops cannot express, in LLVM's own language: vectors of numbers in registers.

The arrays that these functions of compiled code take are contiguous, and flat but for tables.

Only this module uses the inner interfaces of llvmlite and of numba's code generation, which promise
no stability. If a new version of either breaks them, this is the place to repair, and until then
the plain way runs.
"""

from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "FACTORS",
    "FILTERS",
    "LONGEST",
    "ORDERS",
    "VECTOR_BYTES",
    "WORD",
    "add_scaled",
    "alone2",
    "alone6",
    "first_set",
    "flip",
    "multiply_in",
    "non_zeros",
    "tile1",
    "tile2",
    "tile3",
]

_CHOSEN = getattr(config, "CPU_FEATURES", None)  # from the environment
_WIDE = (
    binding.get_host_cpu_features().get("avx512f", False)
    if _CHOSEN is None
    else "+avx512f" in _CHOSEN
)
# What three vectors need of the registers: 8 · 3 + 3 + 1 of 32, or 4 · 3 + 3 + 1 of 16.
FILTERS, VECTOR_BYTES = (8, 64) if _WIDE else (4, 32)
LONGEST = 6  # so many vectors a tile has at most
WORD = 64
ORDERS, FACTORS = 16, 4  # of products of cosines: so many at a time, and so many factors

_INT, _INDEX = ir.IntType(64), ir.IntType(32)


_declared: Any = cgutils.get_or_insert_function


def _untyped(function: Any) -> Any:
    """Return an intrinsic that is called without the context that its function takes first."""
    return intrinsic(function)


def _number(value: int) -> Any:
    return ir.Constant(_INT, value)


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    """Return a vector whose lanes are all one value."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INDEX, 0))
    places = ir.Constant(ir.VectorType(_INDEX, lanes), [0] * lanes)
    return builder.shuffle_vector(first, nothing, places)


def _vector(array: Any) -> tuple[Any, int, int]:
    """Return the vector type of a numba array type's entries, its lanes and an entry's bytes."""
    double = array.dtype == types.float64
    size = 8 if double else 4
    number = ir.DoubleType() if double else ir.FloatType()
    return ir.VectorType(number, VECTOR_BYTES // size), VECTOR_BYTES // size, size


def _data(context: Any, builder: Any, array: Any, value: Any) -> Any:
    return context.make_array(array)(context, builder, value).data


def _at(builder: Any, data: Any, place: Any, vector: Any) -> Any:
    """Return a pointer to the vector that begins at an entry."""
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _tile(vectors: int, most: int = FILTERS) -> Any:
    """Make the innermost loop of a dense correlation, for this many vectors and filters at most.

    A tile is the sums of a few filters at a few vectors of neighbouring positions, over all taps:
    per tap one load per vector and one broadcast per filter feed ``most × vectors``
    multiply-adds. That is what a matrix product does, without the patch matrix that it would read.
    ``tile(weights, weight, offsets, first, taps, slab, base, out, place, step, filters, columns)``
    sets ``out[place + r·step + p]``, for ``r < filters`` and ``p < columns``, of which there may be
    fewer than the tile holds, to the sum over at least one tap ``t < taps`` of
    ``weights[weight + most·t + r] · slab[base + offsets[first + t] + p]``. The slab is read to the
    end of the tile in any case.
    """

    @_untyped
    def tile(
        _context: Any,
        weights: Any,
        weight: Any,
        offsets: Any,
        first: Any,
        taps: Any,
        slab: Any,
        base: Any,
        out: Any,
        place: Any,
        step: Any,
        filters: Any,
        columns: Any,
    ) -> Any:
        arguments = (
            weights, weight, offsets, first, taps, slab, base, out, place, step, filters, columns
        )  # fmt: skip

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector, lanes, size = _vector(weights)
            name = f"v{lanes}f{8 * size}"
            kinds = signature.args
            weight_data, offset_data, slab_data, out_data = (
                _data(context, builder, kinds[k], args[k]) for k in (0, 2, 5, 7)
            )
            weight, first, taps, base, place, step, filters, columns = (
                args[k] for k in (1, 3, 4, 6, 8, 9, 10, 11)
            )
            multiply_add = _declared(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.{name}"
            )
            start = builder.block
            loop, done = builder.append_basic_block("taps"), builder.append_basic_block("store")
            builder.branch(loop)

            # The loop over the taps: the sums stay in registers from one turn to the next.
            builder.position_at_end(loop)
            tap = builder.phi(_INT)
            tap.add_incoming(_number(0), start)
            sums = [[builder.phi(vector) for _ in range(vectors)] for _ in range(most)]
            # One load for each vector of positions, at this tap's place in the slab.
            offset = builder.load(builder.gep(offset_data, [builder.add(first, tap)]))
            here = builder.add(base, offset)
            seen = [
                builder.load(
                    _at(builder, slab_data, builder.add(here, _number(v * lanes)), vector),
                    align=size,
                )
                for v in range(vectors)
            ]
            row = builder.gep(weight_data, [builder.add(weight, builder.mul(tap, _number(most)))])
            # One broadcast for each filter, multiplied with all vectors and added to its sums.
            updates = []
            for r, line in enumerate(sums):
                many = _splat(builder, builder.load(builder.gep(row, [_number(r)])), lanes)
                updates.append(
                    [builder.call(multiply_add, [many, seen[v], line[v]]) for v in range(vectors)]
                )
                for v in range(vectors):
                    line[v].add_incoming(ir.Constant(vector, [0.0] * lanes), start)
                    line[v].add_incoming(updates[r][v], loop)
            following = builder.add(tap, _number(1))
            tap.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, taps), loop, done)

            # Store: whole vectors where the tile is full, else only the positions there are.
            builder.position_at_end(done)
            mask = ir.VectorType(ir.IntType(1), lanes)
            store_some = _declared(
                builder.module,
                ir.FunctionType(ir.VoidType(), [vector, vector.as_pointer(), _INDEX, mask]),
                f"llvm.masked.store.{name}.p0",
            )
            every = builder.icmp_signed(">=", columns, _number(vectors * lanes))
            limit = _splat(builder, columns, lanes)
            for r in range(most):
                with builder.if_then(builder.icmp_signed(">", filters, _number(r))):
                    first = builder.add(place, builder.mul(step, _number(r)))
                    places = [
                        _at(builder, out_data, builder.add(first, _number(v * lanes)), vector)
                        for v in range(vectors)
                    ]
                    with builder.if_else(every, likely=True) as (whole, part):
                        with whole:
                            for v, address in enumerate(places):
                                builder.store(updates[r][v], address, align=size)
                        with part:
                            for v, address in enumerate(places):
                                ahead = [v * lanes + lane for lane in range(lanes)]
                                numbers = ir.Constant(ir.VectorType(_INT, lanes), ahead)
                                inside = builder.icmp_signed("<", numbers, limit)
                                aligned = ir.Constant(_INDEX, size)
                                builder.call(store_some, [updates[r][v], address, aligned, inside])
            return context.get_dummy_value()

        return types.void(*arguments), generate

    return tile


tile1, tile2, tile3 = _tile(1), _tile(2), _tile(3)
# Where a group has one filter, more vectors have to keep the units of multiply-adds busy.
alone2, alone6 = _tile(2, most=1), _tile(LONGEST, most=1)


@_untyped
def add_scaled(
    _context: Any, target: Any, place: Any, factor: Any, line: Any, source: Any, count: Any
) -> Any:
    """Add ``factor · line[source + k]`` to ``target[place + k]`` for ``k < count``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, lanes, size = _vector(target)
        name = f"v{lanes}f{8 * size}"
        mask = ir.VectorType(ir.IntType(1), lanes)
        pointer, aligned = vector.as_pointer(), ir.Constant(_INDEX, size)
        sums, taps = (_data(context, builder, signature.args[k], args[k]) for k in (0, 3))
        load_some = _declared(
            builder.module,
            ir.FunctionType(vector, [pointer, _INDEX, mask, vector]),
            f"llvm.masked.load.{name}.p0",
        )
        store_some = _declared(
            builder.module,
            ir.FunctionType(ir.VoidType(), [vector, pointer, _INDEX, mask]),
            f"llvm.masked.store.{name}.p0",
        )
        many = _splat(builder, args[2], lanes)
        numbers = ir.Constant(ir.VectorType(_INT, lanes), list(range(lanes)))
        zeros = ir.Constant(vector, [0.0] * lanes)

        # One vector of entries; with a mask only those inside are read and written.
        def step(done: Any, inside: Any | None) -> None:
            sum_address = _at(builder, sums, builder.add(args[1], done), vector)
            tap_address = _at(builder, taps, builder.add(args[4], done), vector)
            if inside is None:
                old, tap = (
                    builder.load(pointer, align=size) for pointer in (sum_address, tap_address)
                )
            else:
                old, tap = (
                    builder.call(load_some, [pointer, aligned, inside, zeros])
                    for pointer in (sum_address, tap_address)
                )
            new = builder.fadd(old, builder.fmul(many, tap))
            if inside is None:
                builder.store(new, sum_address, align=size)
            else:
                builder.call(store_some, [new, sum_address, aligned, inside])

        # All whole vectors, then what is left of the line.
        whole = builder.and_(args[5], _number(-lanes))
        with cgutils.for_range_slice(builder, _number(0), whole, _number(lanes), _INT) as (done, _):
            step(done, None)
        left = builder.sub(args[5], whole)
        with builder.if_then(builder.icmp_signed(">", left, _number(0))):
            step(whole, builder.icmp_signed("<", numbers, _splat(builder, left, lanes)))
        return context.get_dummy_value()

    return types.void(target, place, factor, line, source, count), generate


@_untyped
def flip(_context: Any, rows: Any, place: Any, pitch: Any, out: Any, target: Any, step: Any) -> Any:
    """Transpose a square of as many rows as a vector has lanes.

    ``out[target + j·step + i] = rows[place + i·pitch + j]``, by exchanging blocks of halves
    (Eklundh 1972).
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, lanes, size = _vector(rows)
        source, sink = (_data(context, builder, signature.args[k], args[k]) for k in (0, 3))
        lines = []
        for i in range(lanes):
            begin = builder.add(args[1], builder.mul(args[2], _number(i)))
            lines.append(builder.load(_at(builder, source, begin, vector), align=size))
        half = 1
        while half < lanes:
            low = [j if not j & half else lanes + j - half for j in range(lanes)]
            high = [j + half if not j & half else lanes + j for j in range(lanes)]
            for i in range(lanes):
                if not i & half:
                    pair = lines[i], lines[i + half]
                    for k, order in ((i, low), (i + half, high)):
                        places = ir.Constant(ir.VectorType(_INDEX, lanes), order)
                        lines[k] = builder.shuffle_vector(*pair, places)
            half *= 2
        for j, line in enumerate(lines):
            begin = builder.add(args[4], builder.mul(args[5], _number(j)))
            builder.store(line, _at(builder, sink, begin, vector), align=size)
        return context.get_dummy_value()

    return types.void(rows, place, pitch, out, target, step), generate


@_untyped
def multiply_in(
    _context: Any, products: Any, c: Any, s: Any, first: Any, tables: Any, least: Any
) -> Any:
    """Multiply products by cosines of sums, and return whether one of them exceeds ``least``.

    ``products[k]``, for ``k < ORDERS``, is multiplied by ``c[j] · tables[j, 0, k] − s[j] ·
    tables[j, 1, k]``, for the ``FACTORS`` numbers j from ``first`` on.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, size = ir.VectorType(ir.DoubleType(), ORDERS), 8
        out, *turned, entries = (
            _data(context, builder, signature.args[k], args[k]) for k in (0, 1, 2, 4)
        )
        target = _at(builder, out, _number(0), vector)
        product = builder.load(target, align=size)
        for i in range(FACTORS):
            j = builder.add(args[3], _number(i))
            place = builder.mul(j, _number(2 * ORDERS))
            # the two halves of the cosine of a sum
            cosine, sine = (
                builder.fmul(
                    _splat(builder, builder.load(builder.gep(own, [j])), ORDERS),
                    builder.load(
                        _at(builder, entries, builder.add(place, _number(half)), vector), align=size
                    ),
                    flags=["contract"],
                )
                for own, half in zip(turned, (0, ORDERS), strict=True)
            )
            product = builder.fmul(product, builder.fsub(cosine, sine, flags=["contract"]))
        builder.store(product, target, align=size)
        absolute = _declared(
            builder.module, ir.FunctionType(vector, [vector]), f"llvm.fabs.v{ORDERS}f64"
        )
        limit = _splat(builder, args[5], ORDERS)
        larger = builder.fcmp_ordered(">", builder.call(absolute, [product]), limit)
        bits = builder.bitcast(larger, ir.IntType(ORDERS))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(products, c, s, first, tables, least), generate


@_untyped
def non_zeros(_context: Any, data: Any, place: Any) -> Any:
    """Return a word whose bit j says whether ``data[place + j]`` is not zero; NaN is not."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_vector(data)[0].element, WORD)
        address = _at(builder, _data(context, builder, signature.args[0], args[0]), args[1], vector)
        entries = builder.load(address, align=_vector(data)[2])
        zeros = ir.Constant(vector, [0.0] * WORD)
        return builder.bitcast(builder.fcmp_unordered("!=", entries, zeros), _INT)

    return types.uint64(data, place), generate


@_untyped
def first_set(_context: Any, word: Any) -> Any:
    """Return the number of the lowest bit that is set, of one at least."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate
