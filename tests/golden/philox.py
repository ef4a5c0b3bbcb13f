"""What clgen_random_uniform draws, for the scripts that compare with it."""
import numpy as np
import torch

BETWEEN, AROUND, SHIFT = 7, 8, 9  # streams, src/base/base.h


def uniform(stream, counter, *shape):
    """clgen_random_uniform with seed 0: Salmon et al. 2011, section 3.3; the upper 24 bits of each word."""
    n, low = int(np.prod(shape)), np.uint64(0xFFFFFFFF)
    block = np.arange((n + 3) // 4, dtype=np.uint64)
    c = [block, np.zeros_like(block), np.full_like(block, stream), np.full_like(block, counter)]
    k0 = k1 = 0
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    words = np.stack(c, 1).reshape(-1)[:n]
    return torch.tensor((words >> np.uint64(8)).astype(np.float64) / 2**24).reshape(shape)
