#!/usr/bin/env python3
"""Makes the golden values of the metrics (Debian's python3-numpy and python3-scipy), which test_metrics.c reads.

    /usr/bin/python3 make_metrics.py     writes metrics.safetensors beside itself

Written from the papers, by other ways than the C code where there are some: the root of a matrix by scipy.linalg.sqrtm, or by
the singular values of the centred data where covariances are singular; distances as differences; windows as convolutions in two
dimensions; Wilson's interval by scipy.stats. What is drawn by seed is drawn as clgen does it: Philox4x32-10.

  real, fake, held F32 (n,16); small.real, small.fake F32 (n,16) with fewer rows than columns; probs F32 (203,7);
  bytes.real, bytes.fake U8 (n,12), of few values, so that many distances are equal; rgb U8 (10,3,33,29), grey U8 (8,1,64,48),
  tiny U8 (6,1,8,9); everything else F64 or I64, named by the metric; see main().
"""
import json, os, struct
import numpy as np
import scipy
import scipy.linalg, scipy.signal, scipy.special, scipy.stats

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"float32": "F32", "float64": "F64", "uint8": "U8", "int64": "I64"}
SEED, METRIC = 7, 4  # METRIC: CLGEN_STREAM_METRIC
HALVES, SPLITS, KMEANS, PAIRS, GROUPS, BOOT, KID = 1, 2, 3, 4, 5, 1024, 65536  # CLGEN_DRAW_*
Z95 = scipy.stats.norm.ppf(0.975)


def uniforms(counter, n, seed=SEED):
    """Elements 0 .. n-1 of the draw with this counter."""
    block = np.arange((n + 3) // 4, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c = [block & low, block >> np.uint64(32), np.full_like(block, METRIC), np.full_like(block, counter)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    words = np.stack(c, 1).reshape(-1)[:n]
    return (words >> np.uint64(8)).astype(np.float64) / 2.0**24


def draw_order(counter, n, m):
    order = list(range(n))
    for i, u in enumerate(uniforms(counter, m)):
        j = i + int(u * (n - i))
        order[i], order[j] = order[j], order[i]
    return np.array(order[:m])


def distances(a, b):
    return np.sqrt(((a[:, None, :].astype(np.float64) - b[None, :, :].astype(np.float64)) ** 2).sum(2))


def wilson(hits, n):
    p = hits / n
    ci = scipy.stats.binomtest(int(hits), int(n)).proportion_ci(0.95, method="wilson")
    return [p, np.sqrt(p * (1 - p) / n), ci.low, ci.high]


def nearest_other(x, k):
    d = distances(x, x)
    np.fill_diagonal(d, np.inf)
    return np.sort(d, 1)[:, k - 1]


# ---- The metrics -----------------------------------------------------------------------------------------------------
def fid(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s @ t)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(root.real)


def fid_singular(a, b):
    """tr (S T)^(1/2) is the sum of the singular values of A B^T, where S = A^T A and T = B^T B."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    x = (a - a.mean(0)) / np.sqrt(len(a) - 1)
    y = (b - b.mean(0)) / np.sqrt(len(b) - 1)
    root = scipy.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + (x**2).sum() + (y**2).sum() - 2 * root


def jackknife(a, b, groups):
    variance = 0
    for which in range(2):
        values = []
        for g in range(groups):
            left = [a, b]
            rows = np.arange(len(left[which]))
            start = (uniforms(GROUPS, len(rows), 0)[rows // groups] * groups).astype(int)
            left[which] = left[which][(rows + start) % groups != g]
            values.append(fid(*left))
        variance += (groups - 1) / groups * ((np.array(values) - np.mean(values)) ** 2).sum()
    return np.sqrt(variance)


def kid(a, b, subsets, m):
    values = []
    for s in range(subsets):
        x = a[draw_order(KID + 2 * s, len(a), m)].astype(np.float64)
        y = b[draw_order(KID + 2 * s + 1, len(b), m)].astype(np.float64)
        k = lambda p, q: (p @ q.T / p.shape[1] + 1) ** 3
        kxx, kyy = k(x, x), k(y, y)
        np.fill_diagonal(kxx, 0)
        np.fill_diagonal(kyy, 0)
        values.append((kxx.sum() + kyy.sum()) / (m * (m - 1)) - 2 * k(x, y).mean())
    n = min(len(a), len(b))
    std = np.std(values)
    return [np.mean(values), std, np.sqrt(std**2 * m / (n - m) + std**2 / subsets)]


def inception(p, splits):
    p = p.astype(np.float64)[draw_order(SPLITS, len(p), len(p))]
    scores = []
    for s in range(splits):
        part = p[s * len(p) // splits : (s + 1) * len(p) // splits]
        scores.append(np.exp(scipy.special.rel_entr(part, part.mean(0)).sum(1).mean()))
    return [np.mean(scores), np.std(scores), np.std(scores, ddof=1) / np.sqrt(splits)]


def prdc(a, b, k):
    """Precision, recall, density, coverage, four numbers each: value, standard error, interval."""
    ra, rb, d = nearest_other(a, k), nearest_other(b, k), distances(a, b)
    dense = (d < ra[:, None]).sum(0) / k
    se = dense.std(ddof=1) / np.sqrt(len(b))
    return [wilson((d <= ra[:, None]).any(0).sum(), len(b)), wilson((d <= rb[None, :]).any(1).sum(), len(a)),
            [dense.mean(), se, max(0, dense.mean() - Z95 * se), dense.mean() + Z95 * se],
            wilson((d < ra[:, None]).any(1).sum(), len(a))]


def kmeans(x, bins):
    x = x.astype(np.float64)
    u = uniforms(KMEANS, bins)
    centres = [x[int(u[0] * len(x))]]
    for b in range(1, bins):
        far = (distances(x, np.array(centres)) ** 2).min(1)
        centres.append(x[np.argmax(np.cumsum(far) > u[b] * far.sum())])
    centres, bin = np.array(centres), None
    for _ in range(101):
        new = distances(x, centres).argmin(1)
        if bin is not None and (new == bin).all():
            break
        bin = new
        centres = np.array([x[bin == b].mean(0) if (bin == b).any() else centres[b] for b in range(bins)])
    return centres


def jsd(p, q):
    return (scipy.stats.entropy(p, (p + q) / 2) + scipy.stats.entropy(q, (p + q) / 2)) / 2


def ndb(a, b, bins):
    centres = kmeans(a, bins)
    counts = np.array([np.bincount(distances(x.astype(np.float64), centres).argmin(1), minlength=bins) for x in (a, b)])
    p, q, pooled = counts[0] / len(a), counts[1] / len(b), counts.sum(0) / (len(a) + len(b))
    z = (p - q) / np.sqrt(pooled * (1 - pooled) * (1 / len(a) + 1 / len(b)))
    different = (2 * scipy.stats.norm.sf(np.abs(z)) < 0.05).sum()
    boots = []
    for s in range(200):
        u = uniforms(BOOT + s, len(a) + len(b))
        parts = [u[: len(a)], u[len(a) :]]
        again = [np.bincount(np.repeat(np.arange(bins), c)[(v * len(v)).astype(int)], minlength=bins) / len(v)
                 for c, v in zip(counts, parts)]
        boots.append(jsd(*again))
    return counts, [different, jsd(p, q), np.std(boots, ddof=1)]


def ms_ssim(a, b):
    values = []
    for x, y in zip(a.astype(np.float64), b.astype(np.float64)):
        size = min(min(x.shape), 11)
        size -= size % 2 == 0
        g = np.exp(-0.5 * ((np.arange(size) - size // 2) / (1.5 * size / 11)) ** 2)
        window = np.outer(g, g) / np.outer(g, g).sum()
        sides = [min(x.shape)]
        while len(sides) < 5 and -(-sides[-1] // 2) >= 11:
            sides.append(-(-sides[-1] // 2))
        weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[: len(sides)]
        weights, product = weights / weights.sum(), 1
        for s, w in enumerate(weights):
            f = lambda z: scipy.signal.convolve2d(z, window, mode="valid")
            mx, my, c1, c2 = f(x), f(y), 2.55**2, 7.65**2
            cs = (2 * (f(x * y) - mx * my) + c2) / (f(x * x) - mx * mx + f(y * y) - my * my + c2)
            l = (2 * mx * my + c1) / (mx * mx + my * my + c1)
            product *= max(0, (l * cs if s == len(weights) - 1 else cs).mean()) ** w
            x, y = (np.pad(z, [(0, n % 2) for n in z.shape], mode="edge") for z in (x, y))
            x, y = ((z[::2, ::2] + z[1::2, ::2] + z[::2, 1::2] + z[1::2, 1::2]) / 4 for z in (x, y))
        values.append(product)
    return np.mean(values)


def diversity(images, pairs):
    u, n, values = uniforms(PAIRS, 2 * pairs), len(images), []
    for v, w in u.reshape(-1, 2):
        i, j = int(v * n), int(w * (n - 1))
        values.append(ms_ssim(images[i], images[j + (j >= i)]))
    return [np.mean(values), np.std(values, ddof=1) / np.sqrt(pairs)]


def duplicates(a, b, quantile):
    """threshold, pairs, share and rate of reals, the same of fakes, standard errors of the rates, support; closest pairs."""
    threshold, out, errors = np.quantile(nearest_other(a, 1), quantile), [], []
    for x in (a, b):
        d, n = distances(x, x), len(x)
        near = (d <= threshold) & ~np.eye(n, dtype=bool)
        degree, pairs = near.sum(1), near.sum() // 2
        out += [pairs, (degree > 0).mean(), pairs / (n * (n - 1) / 2)]
        errors.append(2 * np.std(degree / (n - 1), ddof=1) / np.sqrt(n))
    i, j = np.triu_indices(len(b), 1)
    d = distances(b, b)[i, j]
    first = np.lexsort((j, i, d))[:9]
    return [threshold] + out + errors + [1 / out[5]], np.stack([i[first], j[first]], 1), d[first]


def memorisation(train, fake, held):
    d, own = distances(fake, train), nearest_other(train, 1)
    nearest, distance = d.argmin(1), d.min(1)
    n, ratio = len(fake), np.sort(distance / own[nearest])
    half = int(np.ceil(0.98 * np.sqrt(n)))
    h = distances(held, train).min(1)
    less = (distance[:, None] < h[None, :]) + 0.5 * (distance[:, None] == h[None, :])
    se = np.sqrt(less.mean(1).var(ddof=1) / n + less.mean(0).var(ddof=1) / len(h))
    return nearest, distance, wilson((distance > own[nearest]).sum(), n) + [
        np.median(ratio), ratio[n // 2 - half], ratio[(n + 1) // 2 + half - 1], less.mean(), se, (distance == 0).sum()]


# ---- Data ------------------------------------------------------------------------------------------------------------
def smooth(rng, shape, sigma):
    noise = rng.standard_normal(shape)
    g = np.exp(-0.5 * (np.arange(-6, 7) / sigma) ** 2)
    for axis in (-1, -2):
        noise = np.apply_along_axis(np.convolve, axis, noise, g / g.sum(), mode="same")
    noise = noise[..., : shape[-2], : shape[-1]]  # convolve makes images as large as the window
    return np.clip(noise * 200 + rng.uniform(60, 190, (shape[0], 1, 1, 1)), 0, 255).astype(np.uint8)


def alike(rng, shape):
    """Images that have something in common, so that their similarity is not 0."""
    common = smooth(rng, (1,) + shape[1:], 2).astype(np.float64)
    return np.clip(0.7 * common + 0.3 * smooth(rng, shape, 1.5), 0, 255).astype(np.uint8)


def main():
    rng = np.random.RandomState(20)
    mix = rng.standard_normal((16, 16))
    real = (rng.standard_normal((400, 16)) @ mix + 3 * rng.randint(0, 3, (400, 1))).astype(np.float32)
    held = (rng.standard_normal((150, 16)) @ mix + 3 * rng.randint(0, 3, (150, 1))).astype(np.float32)
    fake = (0.8 * rng.standard_normal((350, 16)) @ mix + 3 * rng.randint(0, 2, (350, 1)) + 0.5).astype(np.float32)
    fake[340:345] = real[10:15]
    fake[345:348] = fake[5:8]
    fake[100:120] = fake[120:140] + 0.1 * rng.standard_normal((20, 16)).astype(np.float32)
    t = {"real": real, "fake": fake, "held": held}
    t["small.real"] = (rng.standard_normal((10, 16)) @ mix).astype(np.float32)
    t["small.fake"] = (rng.standard_normal((13, 16)) @ mix + 1).astype(np.float32)
    t["bytes.real"] = rng.randint(0, 4, (230, 12)).astype(np.uint8)
    t["bytes.fake"] = rng.randint(1, 4, (210, 12)).astype(np.uint8)
    p = np.exp(3 * rng.standard_normal((203, 7)))
    p[:20, 2] = 0
    t["probs"] = (p / p.sum(1, keepdims=True)).astype(np.float32)
    t["rgb"], t["grey"], t["tiny"] = alike(rng, (10, 3, 33, 29)), alike(rng, (8, 1, 64, 48)), alike(rng, (6, 1, 8, 9))

    t["order"] = draw_order(HALVES, 50, 50)
    t["moments.mean"] = real.astype(np.float64).mean(0)
    t["moments.cov"] = np.cov(real.astype(np.float64), rowvar=False)
    t["fid"] = np.array([fid(real, fake), jackknife(real, fake, 5)])
    assert abs(fid(real, fake) / fid_singular(real, fake) - 1) < 1e-9
    t["fid.small"] = np.array([fid_singular(t["small.real"], t["small.fake"]), fid_singular(t["small.real"], fake)])
    t["kid"] = np.array(kid(real, fake, 20, 100))
    t["is"] = np.array(inception(t["probs"], 10))
    for k in (3, 5):
        t["prdc.%d" % k] = np.array(prdc(real, fake, k))
        t["prdc.bytes.%d" % k] = np.array(prdc(t["bytes.real"], t["bytes.fake"], k))
    counts, values = ndb(real, fake, 12)
    t["ndb.counts"], t["ndb"] = counts, np.array(values)
    for name in ("rgb", "grey", "tiny"):
        x = t[name]
        t["msssim." + name] = np.array([ms_ssim(x[i], x[i + 1]) for i in range(len(x) - 1)])
        t["diversity." + name] = np.array(diversity(x, 60))
    for name, a, b in (("dup", real, fake), ("dup.bytes", t["bytes.real"], t["bytes.fake"])):
        values, pairs, closest = duplicates(a, b, 0.05)
        t[name], t[name + ".pairs"], t[name + ".closest"] = np.array(values, np.float64), pairs, closest
    nearest, distance, values = memorisation(real, fake, held)
    t["mem.nearest"], t["mem.distance"], t["mem"] = nearest, distance, np.array(values, np.float64)
    assert t["tiny"].shape == (6, 1, 8, 9)
    save("metrics.safetensors", t)


def save(name, tensors):
    made = "make_metrics.py, numpy %s, scipy %s" % (np.__version__, scipy.__version__)
    header, parts, at = {"__metadata__": {"made by": made}}, [], 0
    for key, value in tensors.items():
        a = np.ascontiguousarray(value)
        header[key] = {"dtype": CODES[a.dtype.name], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        parts.append(a.tobytes())
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 8)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    print(name, 8 + len(text) + at, "bytes")
    for key in ("fid", "fid.small", "kid", "is", "prdc.3", "prdc.5", "prdc.bytes.5", "ndb", "msssim.rgb", "msssim.grey",
                "msssim.tiny", "diversity.rgb", "dup", "dup.bytes", "mem"):
        print(key, np.array2string(np.asarray(tensors[key]), precision=6, max_line_width=130))


main()
