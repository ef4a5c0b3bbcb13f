#!/usr/bin/env python3
"""Makes vae_cases.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13), in double: one step of SGD at rate
1e-3 for each of CASES, with a VAE of 36-5-4-5-36 on 8 images of 6x6.

  images U8 (8,1,6,6), used as x / 255, with black and white pixels among them; eps (8,4); eps5 (40,4), five for each image
  init.*                        the state dict before; log_scale only where a case learns one
  CASE.loss, .reconstruction, .kl   nats an image, means over the batch
  CASE.grad.*, CASE.final.*     d loss / d parameter, and the parameters after the step
  nll.LIKELIHOOD.out, .pixels, .log_scale, .value   -log p of single pixels at ordinary and extreme numbers

and vae_gan.safetensors: one step of SGD at rate 0.01 of a VAE-GAN (Larsen et al. 2016, algorithm 1) of 32x32, ngf = ndf = 2,
nz = 4, batch 8, for the losses ns, hinge and lsgan, and ns with networks that are told a class, acgan and projection; gamma
0.05.

  images U8 (8,1,32,32), used as x / 127.5 - 1; noise (16,4): first the posterior's, then the prior's
  labels, fake_labels (8)       the classes of the images, and those that samples are asked for
  init.E.*, init.G.*, init.D.*  the state dicts before; of the last two cases CASE.init.E.* and so on
  CASE.loss_D_real, .loss_D_fake (of samples), .loss_D_recon, .loss_G, .reconstruction, .kl, and acgan's .class_D, .class_G
  CASE.grad.E.*, .grad.G.*, .grad.D.*, CASE.final.E.* and so on
"""
import math
import os
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import make_golden
from make_golden import pictures, save

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))
from networks import ConditionalBatchNorm


# ---- Likelihoods, written another way than the library does ----

def nll(kind, out, x, log_scale):
    if kind == "bernoulli":
        return F.binary_cross_entropy_with_logits(out, x, reduction="none")
    if kind == "gaussian":
        return -torch.distributions.Normal(torch.sigmoid(out), log_scale.exp()).log_prob(x)
    # Salimans et al. 2017, equation 2, on [-1,1], with twice the scale
    x, scale = 2 * x - 1, 2 * log_scale.exp()
    upper = torch.where(x > 0.999, torch.ones_like(x), torch.sigmoid((x - out + 1 / 255) / scale))
    lower = torch.where(x < -0.999, torch.zeros_like(x), torch.sigmoid((x - out - 1 / 255) / scale))
    return -torch.log(upper - lower)


class VAE(nn.Module):
    def __init__(self, log_scale):
        super().__init__()
        if log_scale is not None:
            self.log_scale = nn.Parameter(torch.tensor([log_scale]))
        self.fc1, self.fc21, self.fc22 = nn.Linear(36, 5), nn.Linear(5, 4), nn.Linear(5, 4)
        self.fc3, self.fc4 = nn.Linear(4, 5), nn.Linear(5, 36)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))


# name: likelihood, log of the scale (None: none or fixed), and the rest
CASES = {
    "bernoulli": dict(), "gaussian": dict(log_scale=-1.4), "logistic": dict(log_scale=-2.0),
    "gaussian-fixed": dict(scale=0.2), "logistic-fixed": dict(scale=0.05),
    "beta": dict(beta=4.0), "free-bits": dict(free_bits=0.084), "free-bits-group": dict(free_bits=0.15, group=2),
    "free-bits-beta": dict(free_bits=0.084, beta=3.0), "capacity-above": dict(capacity=0.1, beta=10.0),
    "capacity-below": dict(capacity=7.0, beta=10.0), "iwae": dict(samples=5),
    "logistic-iwae": dict(log_scale=-2.0, samples=5),
}


def loss_of(model, x, eps, kind, beta=1.0, free_bits=0, group=1, capacity=0, samples=1, log_scale=None, scale=None):
    mu, logvar = model.encode(x)
    k = samples
    z = (mu[:, None] + eps.view(8, k, 4) * torch.exp(0.5 * logvar)[:, None]).view(8 * k, 4)
    s = model.log_scale if log_scale is not None else torch.tensor([math.log(scale or 1.0)])
    each = nll(kind, model.decode(z), x.repeat_interleave(k, 0), s).sum(1).view(8, k)
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp())
    values = {"reconstruction": each.mean(), "kl": kl.sum(1).mean()}
    if samples > 1:
        normal = torch.distributions.Normal
        prior = normal(0.0, 1.0).log_prob(z).sum(1).view(8, k)
        posterior = normal(mu.repeat_interleave(k, 0), torch.exp(0.5 * logvar).repeat_interleave(k, 0)).log_prob(z).sum(1)
        weight = torch.exp(-each + prior - posterior.view(8, k))
        values["loss"] = -torch.log(weight.mean(1)).mean()
    else:
        term = values["kl"]
        if free_bits:
            term = torch.clamp(kl.mean(0).view(-1, group).sum(1), min=free_bits).sum()
        if capacity:
            term = (term - capacity).abs()
        values["loss"] = values["reconstruction"] + beta * term
    return values


def vae_cases():
    make_golden.rng = rng = np.random.RandomState(11)
    images = pictures(8, 6)[:, None]
    images[0, 0, 0], images[1, 0, 2, :3] = 255, 0
    out = {"images": images, "eps": rng.randn(8, 4).astype(np.float32), "eps5": rng.randn(40, 4).astype(np.float32)}
    x = torch.tensor(images.reshape(8, 36) / 255.0)
    torch.manual_seed(6)
    start = VAE(None).state_dict()
    for key in start:  # so that some dimensions use less than the free bits, others more
        if key.startswith("fc2"):
            start[key][0], start[key][1:3], start[key][3] = 2 * start[key][0], 1.2 * start[key][1:3], 0.8 * start[key][3]
    out.update({"init." + k: v.clone() for k, v in start.items()})
    for name, how in CASES.items():
        model = VAE(how.get("log_scale"))
        model.load_state_dict(start, strict=False)
        model = model.double()
        eps = torch.tensor(out["eps5" if how.get("samples") else "eps"], dtype=torch.float64)
        kind = name.split("-")[0]
        values = loss_of(model, x, eps, kind if kind in ("gaussian", "logistic") else "bernoulli", **how)
        torch.optim.SGD(model.parameters(), 0).zero_grad()
        values["loss"].backward()
        out.update({"%s.%s" % (name, k): np.array(v.item()) for k, v in values.items()})
        for k, p in model.named_parameters():
            out["%s.grad.%s" % (name, k)] = p.grad.clone()
            out["%s.final.%s" % (name, k)] = p.detach() - 1e-3 * p.grad
    for kind in ("bernoulli", "gaussian", "logistic"):
        wide = (-400.0, -30.0, -3.0, -1.0, 0.0, 0.2, 1.0, 3.0, 30.0, 400.0)
        rows = [(o, b / 255, s) for o in wide for b in (0, 1, 127, 254, 255) for s in (-6.0, -2.0, 0.0, 3.0)]
        o, p, s = (torch.tensor(np.array(c, dtype=np.float32)).double().requires_grad_(True) for c in zip(*rows))
        value = exact_logistic(o, p, s) if kind == "logistic" else nll(kind, o, p, s)
        value.sum().backward()
        out.update({"nll.%s.%s" % (kind, n): v for n, v in
                    (("out", o.detach()), ("pixels", p.detach()), ("log_scale", s.detach()), ("value", value.detach()),
                     ("grad", o.grad))})
        out["nll.%s.grad_scale" % kind] = s.grad if s.grad is not None else torch.zeros(len(rows))
    return out


def exact_logistic(o, p, s):
    """Where a double cannot tell the two ends' probabilities apart, by the tails."""
    x, scale = 2 * p - 1, 2 * s.exp()
    a, b = (x - o + 1 / 255) / scale, (x - o - 1 / 255) / scale
    inner = -(F.logsigmoid(a) + F.logsigmoid(-b) + torch.log(-torch.expm1(b - a)))
    return torch.where(x > 0.999, -F.logsigmoid(-b), torch.where(x < -0.999, -F.logsigmoid(a), inner))


# ---- VAE-GAN ----

f, nz, gamma, classes = 2, 4, 0.05, 3


class Encoder(nn.Module):
    def __init__(self, told):
        super().__init__()
        layers = [nn.Conv2d(1, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        for i in (1, 2):
            layers += [nn.Conv2d(f * i, f * i * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * i * 2), nn.LeakyReLU(0.2)]
        for i, layer in enumerate(layers):
            self.add_module(str(i), layer)
        self.body = layers
        self.mu, self.logvar = nn.Linear(f * 4 * 16 + told, nz), nn.Linear(f * 4 * 16 + told, nz)

    def forward(self, x, *classes):
        for layer in self.body:
            x = layer(x)
        x = torch.cat([x.flatten(1), *classes], 1)
        return self.mu(x), self.logvar(x)


class Told(nn.Sequential):
    def forward(self, x, y):
        for m in self:
            x = m(x, y) if isinstance(m, ConditionalBatchNorm) else m(x)
        return x


def vae_gan_networks(cond=""):
    torch.manual_seed(7)
    norm, more = nn.BatchNorm2d, classes if cond == "acgan" else 0
    if cond == "projection":
        norm = lambda channels: ConditionalBatchNorm(classes, channels)
    G = Told(nn.ConvTranspose2d(nz + more, f*4, 4, 1, 0, bias=False), norm(f*4), nn.ReLU(),
             nn.ConvTranspose2d(f*4, f*2, 4, 2, 1, bias=False), norm(f*2), nn.ReLU(),
             nn.ConvTranspose2d(f*2, f, 4, 2, 1, bias=False), norm(f), nn.ReLU(),
             nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())
    D = nn.Sequential(nn.Conv2d(1, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
                      nn.Conv2d(f, f*2, 4, 2, 1, bias=False), nn.BatchNorm2d(f*2), nn.LeakyReLU(0.2),
                      nn.Conv2d(f*2, f*4, 4, 2, 1, bias=False), nn.BatchNorm2d(f*4), nn.LeakyReLU(0.2),
                      nn.Conv2d(f*4, 1, 4, 1, 0, bias=False))
    if cond == "acgan":
        D.add_module("aux", nn.Linear(f*4*16, classes))
    if cond == "projection":
        D.add_module("embed", nn.Embedding(classes, f*4*16))
    return {"E": Encoder(classes if cond else 0), "G": G, "D": D}


def ce(x, target):
    return F.binary_cross_entropy_with_logits(x, torch.full_like(x, target))


D_LOSS = {"ns": (lambda r: ce(r, 1), lambda k: ce(k, 0)), "hinge": (lambda r: F.relu(1 - r).mean(), lambda k: F.relu(1 + k).mean()),
          "lsgan": (lambda r: ((r - 1) ** 2).mean() / 2, lambda k: (k ** 2).mean() / 2)}
G_LOSS = {"ns": lambda k: ce(k, 1), "hinge": lambda k: -k.mean(), "lsgan": lambda k: ((k - 1) ** 2).mean() / 2}


def vae_gan_cases():
    make_golden.rng = rng = np.random.RandomState(12)
    images, noise = pictures(8, 32)[:, None], rng.randn(16, nz).astype(np.float32)
    out = {"images": images, "noise": noise}
    start = {n: m.state_dict() for n, m in vae_gan_networks().items()}
    out.update({"init.%s.%s" % (n, k): v.clone() for n, d in start.items() for k, v in d.items()})
    x, eps = torch.tensor(images.astype(np.float64)) / 127.5 - 1, torch.tensor(noise.astype(np.float64))
    own, asked = rng.randint(0, classes, 8), rng.randint(0, classes, 8)
    out["labels"], out["fake_labels"] = own, asked
    own, asked = torch.tensor(own), torch.tensor(asked)
    for case in [*D_LOSS, "ns/acgan", "ns/projection"]:
        loss, _, cond = case.partition("/")
        nets = vae_gan_networks(cond)
        if cond:
            out.update({"%s.init.%s.%s" % (case, n, k): v.clone() for n, m in nets.items() for k, v in m.state_dict().items()})
        nets = {n: m.double() for n, m in nets.items()}
        E, G, D = nets["E"], nets["G"], nets["D"]
        on_real, on_fake = D_LOSS[loss]
        one_hot = lambda y: F.one_hot(y, classes).double()
        mu, logvar = E(x, *([one_hot(own)] if cond else []))
        z = mu + eps[:8] * torch.exp(0.5 * logvar)
        make = lambda z, y: G(torch.cat([z, one_hot(y)], 1)[:, :, None, None] if cond == "acgan" else z[:, :, None, None], y)
        norms = [m for m in G if isinstance(m, nn.BatchNorm2d)]
        for m in norms:
            m.momentum = 0  # running statistics are of samples alone
        recon = make(z, own)
        for m in norms:
            m.momentum = 0.1
        sample = make(eps[8:], asked)
        last = len(D) - (2 if cond else 1)
        seen = [D[:last](i) for i in (x, recon, sample)]
        logits = [D[last](h).view(-1) for h in seen]
        if cond == "projection":
            logits = [l + (D.embed(y) * h.flatten(1)).sum(1) for l, h, y in zip(logits, seen, (own, own, asked))]
        v = {"loss_D_real": on_real(logits[0]), "loss_D_recon": on_fake(logits[1]), "loss_D_fake": on_fake(logits[2]),
             "loss_G": G_LOSS[loss](logits[1]) + G_LOSS[loss](logits[2]),
             # -log N(D_l(x) | D_l(x~), I) without its constant
             "reconstruction": 0.5 * ((seen[0] - seen[1]) ** 2).sum((1, 2, 3)).mean(),
             "kl": (-0.5 * (1 + logvar - mu ** 2 - logvar.exp())).sum(1).mean()}
        if cond == "acgan":
            told = [F.cross_entropy(D.aux(h.flatten(1)), y) for h, y in zip(seen, (own, own, asked))]
            v["class_D"], v["class_G"] = sum(told), told[1] + told[2]
        of = {"E": v["kl"] + v["reconstruction"], "G": gamma * v["reconstruction"] + v["loss_G"],
              "D": v["loss_D_real"] + v["loss_D_recon"] + v["loss_D_fake"]}
        if cond == "acgan":
            of["D"], of["G"] = of["D"] + v["class_D"], of["G"] + v["class_G"]
        out.update({"%s.%s" % (case, k): np.array(t.item()) for k, t in v.items()})
        for n, net in nets.items():
            names, params = zip(*net.named_parameters())
            for k, p, g in zip(names, params, torch.autograd.grad(of[n], params, retain_graph=True)):
                out["%s.grad.%s.%s" % (case, n, k)] = g
                out["%s.final.%s.%s" % (case, n, k)] = p.detach() - 0.01 * g
            for k, b in net.named_buffers():
                if b.is_floating_point():
                    out["%s.final.%s.%s" % (case, n, k)] = b
    return out


torch.set_num_threads(1)
torch.set_default_dtype(torch.float32)
save("vae_cases.safetensors", vae_cases(), "objectives of VAEs, their values and gradients")
save("vae_gan.safetensors", vae_gan_cases(), "a step of a VAE-GAN")
