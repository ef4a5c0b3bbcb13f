"""What scripts/benchmark.sh measures beside clgen: PyTorch's training steps and generation of the same networks, and OpenBLAS's
matrix products (through ctypes, without PyTorch).

usage: bench_peer.py versions | gemm M N K | dcgan BATCH | vae BATCH | generate BATCH   [--seconds X] [--threads N]

Prints one line of JSON: median_s, samples, threads. The networks are clgen's at their defaults: DCGAN 32x32x1 (nz 100, ngf = ndf
= 64, BCE with logits, Adam 2e-4, betas 0.5 and 0.999, generator averaged), VAE 784-400-20 (Bernoulli, Adam 1e-3).
"""

import argparse
import ctypes
import json
import os
import sys
import time


def median_time(run, seconds):
    for _ in range(3):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    times.sort()
    return {"median_s": times[len(times) // 2], "samples": len(times)}


def openblas():
    for name in ("libopenblas.so.0", "libopenblas.so"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    sys.exit("bench_peer.py: there is no libopenblas.so.0 here")


def gemm(m, n, k, seconds, threads):
    lib = openblas()
    lib.openblas_set_num_threads(threads)
    a, b, c = ((ctypes.c_float * count)() for count in (m * k, k * n, m * n))
    for x in (a, b):
        for i in range(len(x)):
            x[i] = (i % 17) / 17 - 0.5
    i32, f32 = ctypes.c_int, ctypes.c_float

    def run():  # row major, neither transposed
        lib.cblas_sgemm(i32(101), i32(111), i32(111), i32(m), i32(n), i32(k), f32(1), a, i32(k), b, i32(n), f32(0), c, i32(n))

    return median_time(run, seconds)


def generator(nn, nz, f):
    return nn.Sequential(
        nn.ConvTranspose2d(nz, f * 4, 4, 1, 0, bias=False), nn.BatchNorm2d(f * 4), nn.ReLU(True),
        nn.ConvTranspose2d(f * 4, f * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 2), nn.ReLU(True),
        nn.ConvTranspose2d(f * 2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(True),
        nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(nn, f):
    return nn.Sequential(
        nn.Conv2d(1, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
        nn.Conv2d(f, f * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 2), nn.LeakyReLU(0.2, True),
        nn.Conv2d(f * 2, f * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 4), nn.LeakyReLU(0.2, True),
        nn.Conv2d(f * 4, 1, 4, 1, 0, bias=False))


def dcgan_step(torch, batch):
    import copy
    g, d = generator(torch.nn, 100, 64), discriminator(torch.nn, 64)
    average = copy.deepcopy(g)
    of_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    of_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    loss = torch.nn.BCEWithLogitsLoss()
    real, one, zero = torch.rand(batch, 1, 32, 32) * 2 - 1, torch.ones(batch), torch.zeros(batch)

    def run():
        of_d.zero_grad()
        fake = g(torch.randn(batch, 100, 1, 1))
        (loss(d(real).view(-1), one) + loss(d(fake.detach()).view(-1), zero)).backward()
        of_d.step()
        of_g.zero_grad()
        loss(d(fake).view(-1), one).backward()
        of_g.step()
        with torch.no_grad():
            for old, new in zip(average.parameters(), g.parameters()):
                old.lerp_(new, 0.01)

    return run


def vae_step(torch, batch):
    nn = torch.nn
    encode, mean, logvar = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
    decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    optimizer = torch.optim.Adam([p for m in (encode, mean, logvar, decode) for p in m.parameters()], 1e-3)
    x = torch.rand(batch, 784)

    def run():
        optimizer.zero_grad()
        h = torch.relu(encode(x))
        mu, lv = mean(h), logvar(h)
        logits = decode(mu + torch.exp(0.5 * lv) * torch.randn_like(mu))
        bernoulli = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        ((bernoulli - 0.5 * (1 + lv - mu.square() - lv.exp()).sum()) / batch).backward()
        optimizer.step()

    return run


def generation(torch, batch):
    g, z = generator(torch.nn, 100, 64).eval(), torch.randn(batch, 100, 1, 1)

    def run():
        with torch.no_grad():
            return ((g(z) + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["versions", "gemm", "dcgan", "vae", "generate"])
    parser.add_argument("sizes", type=int, nargs="*")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    a = parser.parse_args()
    if len(a.sizes) != {"versions": 0, "gemm": 3}.get(a.what, 1):
        parser.error(a.what + ": another number of sizes is wanted")
    if a.what == "gemm":
        out = gemm(*a.sizes, a.seconds, a.threads)
    else:
        import torch
        if a.what == "versions":
            print(json.dumps({"pytorch": torch.__version__}))
            return
        torch.manual_seed(0)
        torch.set_num_threads(a.threads)
        make = {"dcgan": dcgan_step, "vae": vae_step, "generate": generation}[a.what]
        out = median_time(make(torch, a.sizes[0]), a.seconds)
    out["threads"] = a.threads
    print(json.dumps(out))


main()
