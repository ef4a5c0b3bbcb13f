"""What clgen_random_uniform draws, for the scripts that compare with it."""
import numpy as np
import torch

BETWEEN, AROUND, SHIFT, MIX, MIX_AT, PATH, LAYER = 7, 8, 9, 11, 12, 16, 4096  # streams, src/base/base.h


def words(stream, counter, n):
    """The upper 24 bits of at least n words, in fours, with seed 0: Salmon et al. 2011, section 3.3."""
    low = np.uint64(0xFFFFFFFF)
    block = np.arange((n + 3) // 4, dtype=np.uint64)
    c = [block, np.zeros_like(block), np.full_like(block, stream), np.full_like(block, counter)]
    k0 = k1 = 0
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return (np.stack(c, 1) >> np.uint64(8)).astype(np.float64)


def uniform(stream, counter, *shape):
    """clgen_random_uniform with seed 0."""
    n = int(np.prod(shape))
    return torch.tensor(words(stream, counter, n).reshape(-1)[:n] / 2**24).reshape(shape)


def normal(stream, counter, *shape):
    """clgen_random_normal, by Box and Muller from each two words; clgen's are nearer than 1e-6."""
    n = int(np.prod(shape))
    w = words(stream, counter, n).reshape(-1, 2)
    r, turn = np.sqrt(-2 * np.log((w[:, 0] + 1) / 2**24)), 2 * np.pi * w[:, 1] / 2**24
    return torch.tensor(np.stack([r * np.cos(turn), r * np.sin(turn)], 1).reshape(-1)[:n]).reshape(shape)
