#!/usr/bin/env python3
"""Ten steps of training with several objectives, from PyTorch in double (Debian's python3-torch, 1.13).

    /usr/bin/python3 make_objectives.py     writes these beside itself:

wgan_gp, hinge_sn, r1.safetensors: ten steps as dcgan.safetensors in make_golden.py, of a discriminator without batch norm
  wgan_gp: two updates of D to one of G, which comes in steps 1, 3, ...; gradient penalty of weight 10
  hinge_sn: torch.nn.utils.spectral_norm on every convolution of D
  r1: ns with R1, gamma 10, in steps 1, 3, ... and twice as strong
  loss_* where a step has no such loss: 0
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from make_golden import save, keep, pictures, batch_of, compare
import make_golden

BETWEEN = 7  # CLGEN_STREAM_BETWEEN


def philox_uniform(seed, stream, counter, n):
    """Element i of a draw, as cl/philox.cl says."""
    M = 0xFFFFFFFF
    out = []
    for i in range(n):
        c, k = [i >> 2, 0, stream, counter], [seed & M, seed >> 32]
        for _ in range(10):
            p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(q >> 32) ^ c[1] ^ k[0], q & M, (p >> 32) ^ c[3] ^ k[1], p & M]
            k = [(k[0] + 0x9E3779B9) & M, (k[1] + 0xBB67AE85) & M]
        out.append((c[i & 3] >> 8) * 2.0 ** -24)
    return torch.tensor(out)


bce = F.binary_cross_entropy_with_logits
like = torch.full_like
critic = (lambda r, f: (-r.mean(), f.mean()), lambda r, f: -f.mean())
cross = lambda r, f: (bce(r, like(r, 1)), bce(f, like(f, 0)))
LOSSES = {
    "ns": (cross, lambda r, f: bce(f, like(f, 1))),
    "wgan-gp": critic,
    "hinge": (lambda r, f: (F.relu(1 - r).mean(), F.relu(1 + f).mean()), critic[1]),
}


def run(dtype, loss, critic_steps=1, spectral=False, gp=0, r1=0, interval=1):
    make_golden.rng = rng = np.random.RandomState(4)
    torch.manual_seed(4)
    torch.set_default_dtype(torch.float32)
    nz, f = 16, 8
    G = nn.Sequential(nn.ConvTranspose2d(nz, f*4, 4, 1, 0, bias=False), nn.BatchNorm2d(f*4), nn.ReLU(True),
                      nn.ConvTranspose2d(f*4, f*2, 4, 2, 1, bias=False), nn.BatchNorm2d(f*2), nn.ReLU(True),
                      nn.ConvTranspose2d(f*2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(True),
                      nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())
    sn = nn.utils.spectral_norm if spectral else (lambda m: m)
    D = nn.Sequential(sn(nn.Conv2d(1, f, 4, 2, 1)), nn.LeakyReLU(0.2), sn(nn.Conv2d(f, f*2, 4, 2, 1)), nn.LeakyReLU(0.2),
                      sn(nn.Conv2d(f*2, f*4, 4, 2, 1)), nn.LeakyReLU(0.2), sn(nn.Conv2d(f*4, 1, 4, 1, 0)))
    out = {"images": pictures(24, 32)[:, None], "latents": rng.randn(10, 8, nz).astype(np.float32)}
    torch.set_default_dtype(dtype)
    G, D = G.to(dtype), D.to(dtype)
    keep(out, "init.G.", G)
    keep(out, "init.D.", D)
    oD, oG = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999)), torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    d_loss, g_loss = LOSSES[loss]
    values = np.zeros((10, 4))
    slope = lambda x: torch.autograd.grad(D(x).sum(), x, create_graph=True)[0].flatten(1)
    for step in range(10):
        x, z = batch_of(out["images"], step) / 127.5 - 1, torch.tensor(out["latents"][step], dtype=dtype)[:, :, None, None]
        fake = G(z)
        a, b = d_loss(D(x).view(-1), D(fake.detach()).view(-1))
        total = a + b
        if gp:
            t = philox_uniform(0, BETWEEN, step, 8).to(dtype)[:, None, None, None]
            at = (fake.detach() + t * (x - fake.detach())).requires_grad_(True)
            penalty = ((slope(at).norm(dim=1) - 1) ** 2).mean()
            total, values[step, 3] = total + gp * penalty, penalty.item()
        if r1 and (step + 1) % interval == 0:
            penalty = (slope(x.clone().requires_grad_(True)) ** 2).sum(1).mean()
            total, values[step, 3] = total + interval * r1 / 2 * penalty, penalty.item()
        oD.zero_grad()
        total.backward()
        oD.step()
        values[step, :2] = a.item(), b.item()
        if (step + 1) % critic_steps == 0:
            c = g_loss(None, D(fake).view(-1))
            oG.zero_grad()
            c.backward()
            oG.step()
            values[step, 2] = c.item()
    for k, name in enumerate(("loss_D_real", "loss_D_fake", "loss_G", "loss_reg")):
        out[name] = values[:, k]
    keep(out, "final.G.", G)
    keep(out, "final.D.", D)
    return out


for name, how in (("wgan_gp", dict(loss="wgan-gp", critic_steps=2, gp=10)), ("hinge_sn", dict(loss="hinge", spectral=True)),
                  ("r1", dict(loss="ns", r1=10, interval=2))):
    save(name + ".safetensors", compare(name, lambda dtype: run(dtype, **how)), "ten training steps of a small DCGAN: " + name)
