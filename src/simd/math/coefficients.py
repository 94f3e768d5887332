"""Coefficients of `src/math/single.rs` and `src/math/double.rs`; needs mpmath, takes half a minute.

exp: e^r = 1 + r + r²·(1/2 + c1·r + c2·r² + …) for |r| ≤ ln2/2.
ln:  with s = f/(2+f) and z = s²: ln(1+f) = 2s + s·z·(c0 + c1·z + …) for 2/3 ≤ 1+f < 4/3.

Least squares on Chebyshev points, reweighted (Lawson) until the error is level: a minimax fit
that has no exchange to go astray. The coefficients are then rounded one by one from the lowest,
and the others fitted anew, so that they take up what the rounding left. The error printed is that
of the rounded polynomial in exact arithmetic, relative to the function.
"""

from mpmath import mp, mpf, matrix, lu_solve, exp, log, sqrt, cos, pi, floor, frexp, ldexp, nstr

mp.prec = 240


def rounded(x, bits):
    mantissa, exponent = frexp(x)
    return ldexp(floor(ldexp(mantissa, bits) + mpf(1) / 2), exponent - bits)


def shortest(x, bits):
    """The fewest digits that round to `x`."""
    return next(nstr(x, n) for n in range(1, 18) if rounded(mpf(nstr(x, n)), bits) == x)


def value(coefficients, x):
    return sum(a * x**p for p, a in enumerate(coefficients))


def least_squares(samples, powers):
    """`samples` holds (x, target, weight); returns one coefficient per power."""
    n = len(powers)
    normal, right = matrix(n, n), matrix(n, 1)
    for x, target, weight in samples:
        row = [x**p for p in powers]
        for i in range(n):
            right[i] += weight * row[i] * target
            for j in range(n):
                normal[i, j] += weight * row[i] * row[j]
    return list(lu_solve(normal, right))


def fit(name, target, weight, count, low, high, bits, fixed=()):
    middle, radius = (low + high) / 2, (high - low) / 2
    points = [middle - radius * cos(pi * (2 * i + 1) / 120) for i in range(60)]
    exact = [target(x) for x in points]
    weights = [weight(x) for x in points]
    # Chebyshev points crowd at the ends as the weight of a minimax fit does: a good first guess.
    lawson = [mpf(1)] * len(points)
    fixed = list(fixed)

    def refit(done):
        samples = [
            (x, t - value(done, x), l * w * w) for x, t, w, l in zip(points, exact, weights, lawson)
        ]
        return done + least_squares(samples, range(len(done), count))

    for _ in range(25):
        c = refit(fixed)
        errors = [abs(w * (t - value(c, x))) for x, t, w in zip(points, exact, weights)]
        lawson = [l * e for l, e in zip(lawson, errors)]
        total = sum(lawson) / len(lawson)
        lawson = [l / total for l in lawson]

    while len(fixed) < count:
        fixed.append(rounded(refit(fixed)[len(fixed)], bits))
    grid = [low + (high - low) * (i + mpf(1) / 3) / 2001 for i in range(2001)]
    worst = max(weight(x) * abs(target(x) - value(fixed, x)) for x in grid)
    print(f"{name}: error 2^{float(log(worst, 2)):.1f}")
    for a in fixed:
        print(f"    {shortest(a, bits)}")


def exponential(name, count, bits):
    edge = log(2) / 2 * (1 + mpf(2) ** -12)
    fit(name, lambda r: (exp(r) - 1 - r) / r**2, lambda r: r**2 / exp(r), count, -edge, edge, bits, [mpf(1) / 2])


def logarithm(name, count, bits, low, high):
    def target(z):
        s = sqrt(z)
        return (log((1 + s) / (1 - s)) / s - 2) / z

    edge = max(abs(f / (2 + f)) for f in (low - 1, high - 1)) ** 2 * (1 + mpf(2) ** -12)
    fit(name, target, lambda z: z / 2, count, mpf(2) ** -40, edge, bits)


def ln2(bits, places):
    """ln 2 in two parts; the first keeps so few places that its product with an exponent is exact."""
    upper = ldexp(floor(ldexp(log(2), places)), -places)
    print(f"ln2: {shortest(upper, bits)} + {shortest(rounded(log(2) - upper, bits), bits)}")


if __name__ == "__main__":
    third = mpf(1) / 3
    exponential("exp f32", 5, 24)
    exponential("exp f64", 10, 53)
    logarithm("ln f32", 3, 24, 2 * third, 4 * third)
    logarithm("ln f64", 8, 53, 2 * third, 4 * third)
    ln2(24, 15)
    ln2(53, 41)
