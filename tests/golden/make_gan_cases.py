#!/usr/bin/env python3
"""Makes gan_cases.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13): for each of CASES one step of SGD at
rate 0.05, or three with historical averaging, of which the last is kept, with DCGANs of 32x32, ngf = ndf = 2, nz = 4, batch 8; D with batch norm, plain (biases instead), or plain with
PyTorch's spectral_norm. Computed in double. Numbers drawn on the device are Philox4x32-10 with seed 0 and counter 0.

  images U8 (8,1,32,32), used as x / 127.5 - 1; latents (8,4)
  init.KIND.G.*, init.KIND.D.*        the state dicts before; KIND batch, plain, spectral, or one of the first two with mbstd or
                                      mbdisc, a layer before D's last
  CASE.grad.D.*, CASE.grad.G.*        d(all of the player's loss)/d(parameter), G's through D after its update
  ns+pl is the third of three steps of StyleGAN2 (ngf = ndf = 1) with mixed styles, noise, and path length regularisation, at
                                      rate 0.001
  CASE.loss_D_real, .loss_D_fake, .loss_G, and the regulariser's name   values; the regulariser's is not weighted
  svd.weight (5,7), svd.sigma         a matrix and its largest singular value
"""
import os
import sys
from collections import OrderedDict
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm
from make_golden import pictures, save
from philox import AROUND, BETWEEN, LAYER, MIX, MIX_AT, PATH, SHIFT, normal, uniform

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))
from networks import StyleD, StyleG

f, nz = 2, 4


class MinibatchStd(nn.Module):
    """Karras et al. 2018, section 3; groups of 4, in the order of StyleGAN's code."""
    def forward(self, x):
        n, c, h, w = x.shape
        y = x.reshape(4, n // 4, c, h, w)
        y = (y - y.mean(0)).pow(2).mean(0).add(1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, y.repeat(4)[:, None, None, None].expand(n, 1, h, w)], 1)


class MinibatchDisc(nn.Module):
    """Salimans et al. 2016, section 3.2, with a mean instead of the sum."""
    def __init__(self, inputs, kernels=32, dims=5):
        super().__init__()
        self.weight, self.dims = nn.Parameter(0.1 * torch.randn(kernels * dims, inputs)), dims

    def forward(self, x):
        n, c, h, w = x.shape
        m = (x.flatten(1) @ self.weight.T).view(n, -1, self.dims)
        o = torch.exp(-(m[:, None] - m[None]).abs().sum(3)).mean(1)
        return torch.cat([x, o[:, :, None, None].expand(n, -1, h, w)], 1)


def networks(kind):
    torch.manual_seed(5)
    kind, _, minibatch = kind.partition("+")
    sn, bias = (spectral_norm if kind == "spectral" else lambda m: m), kind != "batch"
    norm = (lambda n: [nn.BatchNorm2d(n)]) if kind == "batch" else (lambda n: [])
    G = nn.Sequential(nn.ConvTranspose2d(nz, f*4, 4, 1, 0, bias=False), nn.BatchNorm2d(f*4), nn.ReLU(),
                      nn.ConvTranspose2d(f*4, f*2, 4, 2, 1, bias=False), nn.BatchNorm2d(f*2), nn.ReLU(),
                      nn.ConvTranspose2d(f*2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(),
                      nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())
    D = nn.Sequential(sn(nn.Conv2d(1, f, 4, 2, 1, bias=bias)), nn.LeakyReLU(0.2),
                      sn(nn.Conv2d(f, f*2, 4, 2, 1, bias=bias)), *norm(f*2), nn.LeakyReLU(0.2),
                      sn(nn.Conv2d(f*2, f*4, 4, 2, 1, bias=bias)), *norm(f*4), nn.LeakyReLU(0.2),
                      sn(nn.Conv2d(f*4 + {"mbstd": 1, "mbdisc": 32}.get(minibatch, 0), 1, 4, 1, 0, bias=bias)))
    if minibatch:
        layers = list(D.named_children())
        layers[-1:-1] = [("minibatch", MinibatchStd() if minibatch == "mbstd" else MinibatchDisc(f*4*16))]
        D = nn.Sequential(OrderedDict(layers))
    return G, D


def ce(x, target):
    return F.binary_cross_entropy_with_logits(x, torch.full_like(x, target))


def mse(x, target):
    return F.mse_loss(x, torch.full_like(x, target)) / 2


def losses_of_d(loss, r, k, smoothing):
    if loss in ("ns", "bce"):
        return ce(r, 1 - smoothing), ce(k, 0)
    if loss == "lsgan":
        return mse(r, 1), mse(k, 0)
    if loss in ("wgan", "wgan-gp"):
        return -r.mean(), k.mean()
    if loss == "hinge":
        return F.relu(1 - r).mean(), F.relu(1 + k).mean()
    return ce(r - k.mean(), 1), ce(k - r.mean(), 0)


def loss_of_g(loss, r, k):
    if loss == "ns":
        return ce(k, 1)
    if loss == "bce":
        return torch.log(1 - torch.sigmoid(k)).mean()
    if loss == "lsgan":
        return mse(k, 1)
    if loss == "ragan":
        return ce(k - r.mean(), 1) + ce(r - k.mean(), 0)
    return -k.mean()


def slopes(D, at):
    at = at.detach().requires_grad_(True)
    g, = torch.autograd.grad(D(at).sum(), at, create_graph=True)
    return g.flatten(1)


def penalty(reg, D, x, fake, step):
    """Its value and its weight."""
    if reg == "r1":
        return (slopes(D, x) ** 2).sum(1).mean(), 5
    t = uniform(BETWEEN, step, 8, 1, 1, 1)
    end, start = (x, fake) if reg == "gp" else (x + 0.5 * x.std(unbiased=False) * uniform(AROUND, step, *x.shape), x)
    return ((slopes(D, start + t * (end - start)).norm(dim=1) - 1) ** 2).mean(), 10


def moved(x, drawn, flip):
    """By -4 .. 4 pixels, reflected at the edges, and mirrored where the third number says so."""
    wide = F.pad(x, (4, 4, 4, 4), "reflect")
    out = [w.narrow(1, int(9 * a), 32).narrow(2, int(9 * b), 32) for w, a, b in zip(wide, drawn[0], drawn[1])]
    return torch.stack([(o.flip(2) if flip and f > 0.5 else o) for o, f in zip(out, drawn[2])])


def inconsistency(D, x, drawn, flip):
    return ((D(x).view(-1) - D(moved(x, drawn, flip)).view(-1)) ** 2).mean()


def departure(net, history):
    """|p - mean of p so far|^2, the mean a constant; history: what there was, by name."""
    out = 0
    for n, p in net.named_parameters():
        history[n] = history.get(n, []) + [p.detach().clone()]
        out = out + ((p - sum(history[n]) / len(history[n])) ** 2).sum()
    return out


def step_of(G, D, oG, oD, loss, reg, x, z, step, grads, history, smoothing=0, clip=0):
    values = {}
    fake = G(z)
    real_part, fake_part = losses_of_d(loss, D(x).view(-1), D(fake.detach()).view(-1), smoothing)
    values["loss_D_real"], values["loss_D_fake"], total = real_part, fake_part, real_part + fake_part
    reg = reg.split(",")[0]
    if reg in ("gp", "r1", "dragan"):
        values[reg], weight = penalty(reg, D, x, fake.detach(), step)
        total = total + weight * values[reg]
    if reg.startswith("bcr"):
        drawn, flip, reg = uniform(SHIFT, step, 6, 8), reg == "bcr+flip", "bcr"
        values[reg] = inconsistency(D, x, drawn[:3], flip) + inconsistency(D, fake.detach(), drawn[3:], flip)
        total = total + 10 * values[reg]
    if reg == "ha":
        values["ha_D"] = departure(D, history["D"])
        total = total + HA_WEIGHT * values["ha_D"]
    oD.zero_grad()
    total.backward()
    grads.update({"D." + n: p.grad.clone() for n, p in D.named_parameters()})
    oD.step()
    if clip:
        for p in D.parameters():
            p.data.clamp_(-clip, clip)
    r = D(x).view(-1) if loss == "ragan" and reg != "fm" else None
    if reg == "fm":
        real_features = D[:-1](x)
        r = D[-1](real_features).view(-1)
    fake_features = D[:-1](fake)
    values["loss_G"] = total = loss_of_g(loss, r, D[-1](fake_features).view(-1))
    if reg == "fm":
        values["fm"] = ((real_features.detach().mean(0) - fake_features.mean(0)) ** 2).sum()
        total = total + values["fm"]
    if reg == "ha":
        values["ha_G"] = departure(G, history["G"])
        total = total + HA_WEIGHT * values["ha_G"]
    oG.zero_grad()
    total.backward()
    grads.update({"G." + n: p.grad.clone() for n, p in G.named_parameters()})
    oG.step()
    return values


# ---- Path lengths: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", equation 4 ----

def style_networks():
    torch.manual_seed(8)
    c = {"channels": 1, "height": 32, "width": 32, "ngf": 1, "ndf": 1, "nz": nz, "mapping_layers": 1}
    G, D = StyleG(c), StyleD(c)
    with torch.no_grad():  # noise and biases that matter
        for n, p in G.named_parameters():
            if n.endswith("noise_strength") or n.endswith("bias"):
                p.copy_(0.3 * torch.randn_like(p) + ("affine" in n))
    return G, D


def train_style(G, z, step):
    """Images, and the styles (N,layers,nz) of which they are a function."""
    n, layers = len(z), 2 * len(G.sides)
    coarse, fine = G.map(z), G.map(normal(MIX, step, n, nz))
    at = uniform(MIX_AT, step, n, 1) * (layers - 1) / 0.9 + 1e-6
    w = torch.stack([torch.where(at >= i, coarse, fine) for i in range(layers)], 1)
    return G.synthesise(list(w.unbind(1)), lambda layer, side: normal(LAYER + layer, step, n, 1, side, side)), w


def path_lengths():
    G, D = (m.double() for m in style_networks())
    oG, oD = (torch.optim.SGD(m.parameters(), 0.001) for m in (G, D))
    z, so_far, out = noise[:, :, 0, 0], 0.0, {}
    for step in range(3):
        fake, w = train_style(G, z, step)
        v = {"loss_D_real": ce(D(reals), 1), "loss_D_fake": ce(D(fake.detach()), 0)}
        oD.zero_grad()
        (v["loss_D_real"] + v["loss_D_fake"]).backward()
        out.update({"ns+pl.grad.D." + n: p.grad.clone() for n, p in D.named_parameters()})
        oD.step()
        v["loss_G"] = ce(D(fake), 1)
        y = normal(PATH, step, *fake.shape) / 32
        slope, = torch.autograd.grad((fake * y).sum(), w, create_graph=True)
        length = slope.square().sum(2).mean(1).sqrt()
        so_far = 0.99 * so_far + 0.01 * length.mean().item()
        v["pl"], v["path_length"] = (length - so_far).square().mean(), torch.tensor(so_far)
        oG.zero_grad()
        (v["loss_G"] + 2 * v["pl"]).backward()
        out.update({"ns+pl.grad.G." + n: p.grad.clone() for n, p in G.named_parameters()})
        oG.step()
        out.update({"ns+pl." + k: np.array(t.item()) for k, t in v.items()})
    return out


rng = np.random.RandomState(7)
given = {"images": pictures(8, 32)[:, None], "latents": rng.randn(8, nz).astype(np.float32)}
reals = torch.tensor(given["images"].astype(np.float64)) / 127.5 - 1
noise = torch.tensor(given["latents"].astype(np.float64))[:, :, None, None]

CASES = [("ns", ""), ("bce", ""), ("lsgan", ""), ("wgan", ""), ("hinge", ""), ("ragan", ""), ("wgan-gp", "gp"), ("ns", "r1"),
         ("ns", "dragan"), ("hinge", "sn"), ("ns", "fm"), ("ragan", "fm"), ("bce", "smoothed"),
         ("ns", "ha"), ("hinge", "bcr"), ("hinge", "bcr+flip"), ("ns", "mbstd"), ("ns", "mbdisc"), ("hinge", "r1,mbstd"), ("wgan-gp", "gp,mbstd")]
KINDS = {"gp": "plain", "r1": "plain", "dragan": "plain", "sn": "spectral", "mbstd": "batch+mbstd", "mbdisc": "batch+mbdisc",
         "r1,mbstd": "plain+mbstd", "gp,mbstd": "plain+mbstd"}
HA_WEIGHT = 1


def objectives():
    out = dict(given)
    for kind in sorted({"batch"} | set(KINDS.values())):
        for name, net in zip("GD", networks(kind)):
            out.update({"init.%s.%s.%s" % (kind, name, k): v.clone() for k, v in net.state_dict().items()})
    for loss, reg in CASES:
        G, D = (n.double() for n in networks(KINDS.get(reg, "batch")))
        grads, case = {}, loss + ("+" + reg if reg else "")
        oG, oD = (torch.optim.SGD(n.parameters(), 0.05) for n in (G, D))
        history = {"G": {}, "D": {}}
        for step in range(3 if reg == "ha" else 1):
            values = step_of(G, D, oG, oD, loss, reg, reals, noise, step, grads, history,
                             smoothing=0.1 if reg == "smoothed" else 0, clip=0.01 if loss == "wgan" else 0)
        out.update({case + "." + k: np.array(v.item()) for k, v in values.items()})
        out.update({case + ".grad." + k: v for k, v in grads.items()})
    for name, net in zip("GD", style_networks()):
        out.update({"init.style.%s.%s" % (name, k): v.clone() for k, v in net.state_dict().items()})
    out.update(path_lengths())
    weight = rng.randn(5, 7).astype(np.float32)
    out["svd.weight"], out["svd.sigma"] = weight, np.array(np.linalg.svd(weight.astype(np.float64))[1][0])
    return out


torch.set_num_threads(1)
save("gan_cases.safetensors", objectives(), "losses and regularisers of GANs, their values and gradients")
