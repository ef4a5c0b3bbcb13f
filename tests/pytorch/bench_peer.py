"""What scripts/benchmark.sh measures beside clgen: PyTorch's training steps and generation of the same networks in each of
PyTorch's settings, and OpenBLAS's matrix products (through ctypes, without PyTorch).

usage: bench_peer.py versions | gemm M N K | dcgan BATCH | vae BATCH | generate BATCH
       [--seconds X] [--threads N] [--settings NAME,NAME...]

Prints one line of JSON a measurement: setting, precision (fp32 or bf16), median_s, best_s, samples, threads; or setting and
error, where a setting does not work here. The networks are clgen's at their defaults: DCGAN 32x32x1 (nz 100, ngf = ndf = 64,
BCE with logits, Adam 2e-4, betas 0.5 and 0.999, generator averaged), VAE 784-400-20 (Bernoulli, Adam 1e-3).

Settings are words joined by +: eager (nothing else); channels-last (memory format of images and weights); compile
(TorchInductor); frozen (the same with constant weights, for generating only); bf16 (autocast to bfloat16).
"""

import argparse
import ctypes
import json
import os
import sys
import time


def median_time(run, seconds):
    """Once to warm up, and more often where that is quick. A run that takes many times `seconds` is timed only once."""
    begin = time.perf_counter()
    run()
    for _ in range(4):
        if time.perf_counter() - begin < seconds:
            run()
    times, begin = [], time.perf_counter()
    while True:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        spent = time.perf_counter() - begin
        if spent > 3 * seconds or (len(times) >= 3 and spent >= seconds):
            break
    times.sort()
    return {"median_s": times[len(times) // 2], "best_s": times[0], "samples": len(times)}


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


SETTINGS = ("eager", "channels-last", "compile", "compile+channels-last", "bf16", "bf16+channels-last", "bf16+compile",
            "bf16+compile+channels-last")
FROZEN = ("frozen", "frozen+channels-last", "bf16+frozen+channels-last")


class Setting:
    def __init__(self, torch, name):
        words = set(name.split("+"))
        self.torch, self.bf16, self.frozen = torch, "bf16" in words, "frozen" in words
        self.compiled = "compile" in words or self.frozen
        self.layout = torch.channels_last if "channels-last" in words else torch.contiguous_format
        if self.compiled and not hasattr(torch, "compile"):
            raise RuntimeError("this PyTorch has no torch.compile")
        if self.frozen:
            import torch._inductor.config as config
            config.freezing = True

    def place(self, what):  # a network of convolutions, or images
        return what.to(memory_format=self.layout)

    def compile(self, network):
        return self.torch.compile(network) if self.compiled else network

    def autocast(self):
        return self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.bf16)


def adam(torch, parameters, *args):
    parameters = list(parameters)
    try:
        return torch.optim.Adam(parameters, *args, fused=True)
    except (TypeError, RuntimeError):  # an older PyTorch
        return torch.optim.Adam(parameters, *args)


def dcgan_step(torch, batch, setting):
    import copy
    g, d = setting.place(generator(torch.nn, 100, 64)), setting.place(discriminator(torch.nn, 64))
    average = copy.deepcopy(g)
    of_g, of_d = adam(torch, g.parameters(), 2e-4, (0.5, 0.999)), adam(torch, d.parameters(), 2e-4, (0.5, 0.999))
    loss = torch.nn.BCEWithLogitsLoss()
    real, one, zero = setting.place(torch.rand(batch, 1, 32, 32) * 2 - 1), torch.ones(batch), torch.zeros(batch)
    make, judge = setting.compile(g), setting.compile(d)

    def run():
        with setting.autocast():
            of_d.zero_grad()
            fake = make(torch.randn(batch, 100, 1, 1))
            of_real, of_fake = loss(judge(real).view(-1), one), loss(judge(fake.detach()).view(-1), zero)
        (of_real + of_fake).backward()
        of_d.step()
        of_g.zero_grad()
        with setting.autocast():
            of_g_loss = loss(judge(fake).view(-1), one)
        of_g_loss.backward()
        of_g.step()
        with torch.no_grad():
            for old, new in zip(average.parameters(), g.parameters()):
                old.lerp_(new, 0.01)

    return run


def vae_step(torch, batch, setting):
    nn = torch.nn

    class Vae(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode, self.mean, self.logvar = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

        def forward(self, x):
            h = torch.relu(self.encode(x))
            mu, lv = self.mean(h), self.logvar(h)
            logits = self.decode(mu + torch.exp(0.5 * lv) * torch.randn_like(mu))
            bernoulli = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
            return (bernoulli - 0.5 * (1 + lv - mu.square() - lv.exp()).sum()) / batch

    vae = Vae()
    optimizer = adam(torch, vae.parameters(), 1e-3)
    x, loss = torch.rand(batch, 784), setting.compile(vae)

    def run():
        optimizer.zero_grad()
        with setting.autocast():
            value = loss(x)
        value.backward()
        optimizer.step()

    return run


def generation(torch, batch, setting):
    nn = torch.nn

    class ToBytes(nn.Module):
        def __init__(self):
            super().__init__()
            self.g = generator(nn, 100, 64)

        def forward(self, z):
            return ((self.g(z) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    make = setting.compile(setting.place(ToBytes()).eval())
    z = torch.randn(batch, 100, 1, 1)

    def run():
        with torch.no_grad(), setting.autocast():
            return make(z)

    return run


def measure(torch, what, batch, name, seconds):
    if hasattr(torch, "_dynamo"):
        torch._dynamo.reset()
    torch.manual_seed(0)
    out = {"setting": name, "precision": "bf16" if "bf16" in name else "fp32"}
    try:
        make = {"dcgan": dcgan_step, "vae": vae_step, "generate": generation}[what]
        out.update(median_time(make(torch, batch, Setting(torch, name)), seconds))
    except Exception as e:  # which settings work depends on the version and the machine
        out["error"] = (str(e).splitlines() or [type(e).__name__])[0]
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["versions", "gemm", "dcgan", "vae", "generate"])
    parser.add_argument("sizes", type=int, nargs="*")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--settings", help="some of the settings, separated by commas (all)")
    a = parser.parse_args()
    if len(a.sizes) != {"versions": 0, "gemm": 3}.get(a.what, 1):
        parser.error(a.what + ": another number of sizes is wanted")
    if a.what == "gemm":
        print(json.dumps(dict(gemm(*a.sizes, a.seconds, a.threads), threads=a.threads)))
        return
    import torch
    if a.what == "versions":
        print(json.dumps({"pytorch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()
                          if hasattr(torch.backends, "cpu") else ""}))
        return
    torch.set_num_threads(a.threads)
    known = SETTINGS + (FROZEN if a.what == "generate" else ())
    names = a.settings.split(",") if a.settings else known
    for name in names:
        if name not in SETTINGS + FROZEN:
            parser.error("there is no setting %r; there are %s" % (name, ", ".join(SETTINGS + FROZEN)))
    for name in (n for n in names if n in known):
        print(json.dumps(dict(measure(torch, a.what, a.sizes[0], name, a.seconds), threads=a.threads)), flush=True)


main()
