#!/usr/bin/env python3
"""Makes transfer.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13): what holds a network that goes on
with other data. Computed in double.

A DCGAN of 32x32, ngf = ndf = 2, nz = 4, D with batch norm, in evaluation mode with running statistics that are not those of
the start, and a VAE of 4x4 pixels (16-3-2-3-16):
  gan.G.*, gan.D.*, vae.*             the state dicts
  gan.z (3,4); vae.z, vae.eps (3,2)   latents
  fisher.G.*, fisher.D.*, fisher.vae.*   the mean over the three of the squared gradients of log p: for G that D says "real"
                                      of its image; for D of its answer, both answers weighted by D's own probabilities;
                                      for the VAE of the evidence lower bound of its image, as bytes, with that eps
Springs (on the VAE's parameters): start.* where they were, fisher_of.* some information, old.* 1 where carried over, else 0
  ewc, l2sp                           0.7 sum F (w - start)^2, and 0.3/2 sum over old |w - start|^2 + 0.2/2 sum over new |w|^2
  ewc.*, l2sp.*                       their gradients
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from make_gan_cases import networks
from make_golden import save

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
out = {}


def exact(net):
    """Values that are exact in float, statistics that are used."""
    with torch.no_grad():
        for t in net.state_dict().values():
            if t.is_floating_point():
                t.copy_(t.float().double())
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.running_mean.copy_((0.1 * torch.randn_like(m.running_mean)).float().double())
                m.running_var.copy_((0.5 + torch.rand_like(m.running_var)).float().double())
    return net.double().eval()


def squared_gradients(log_p, net):
    return {n: g ** 2 for (n, _), g in zip(net.named_parameters(), torch.autograd.grad(log_p, list(net.parameters())))}


def mean_of(many):
    return {n: sum(one[n] for one in many) / len(many) for n in many[0]}


def gan():
    G, D = (exact(n) for n in networks("batch"))
    with torch.no_grad(): # so that answers differ from one half
        for m in list(G) + list(D):
            if not isinstance(m, nn.BatchNorm2d) and hasattr(m, "weight"):
                m.weight.copy_((5 * m.weight).float().double())
    z = torch.randn(3, 4).float().double()
    of_g, of_d = [], []
    for one in z:
        fake = G(one.view(1, 4, 1, 1))
        of_g.append(squared_gradients(F.logsigmoid(D(fake)).sum(), G))
        p = torch.sigmoid(D(fake)).item()
        real = squared_gradients(F.logsigmoid(D(fake.detach())).sum(), D)
        false = squared_gradients(F.logsigmoid(-D(fake.detach())).sum(), D)
        of_d.append({n: p * real[n] + (1 - p) * false[n] for n in real})
        print("D says", p)
    out["gan.z"] = z
    for name, net, many in ("G", G, of_g), ("D", D, of_d):
        out.update({"gan.%s.%s" % (name, n): v for n, v in net.state_dict().items()})
        out.update({"fisher.%s.%s" % (name, n): v for n, v in mean_of(many).items()})


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22, self.fc3, self.fc4 = (nn.Linear(a, b) for a, b in
                                                              ((16, 3), (3, 2), (3, 2), (2, 3), (3, 16)))

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))

    def bound(self, x, eps):
        h = F.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        logits = self.decode(mu + eps * torch.exp(logvar / 2))
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum()


def vae():
    net = exact(VAE())
    z, eps = torch.randn(3, 2).float().double(), torch.randn(3, 2).float().double()
    many = []
    for one, noise in zip(z, eps):
        image = torch.round(torch.sigmoid(net.decode(one)) * 255).detach() / 255
        many.append(squared_gradients(net.bound(image, noise), net))
    out.update({"vae." + n: v for n, v in net.state_dict().items()})
    out.update({"vae.z": z, "vae.eps": eps})
    out.update({"fisher.vae." + n: v for n, v in mean_of(many).items()})
    return net


def springs(net):
    start = {n: (p + 0.3 * torch.randn_like(p)).float().double().detach() for n, p in net.named_parameters()}
    info = {n: torch.rand_like(p).float().double() for n, p in net.named_parameters()}
    old = {n: (torch.rand_like(p) < 0.6).double() for n, p in net.named_parameters()}
    params = dict(net.named_parameters())
    ewc = 0.7 * sum((info[n] * (p - start[n]) ** 2).sum() for n, p in params.items())
    l2sp = sum(0.15 * (old[n] * (p - start[n]) ** 2).sum() + 0.1 * ((1 - old[n]) * p ** 2).sum() for n, p in params.items())
    for name, value in ("ewc", ewc), ("l2sp", l2sp):
        out[name] = np.array(value.item())
        for n, g in zip(params, torch.autograd.grad(value, list(params.values()))):
            out[name + "." + n] = g
    for name, some in ("start", start), ("fisher_of", info), ("old", old):
        out.update({name + "." + n: v for n, v in some.items()})


if __name__ == "__main__":
    torch.set_num_threads(1)
    gan()
    springs(vae())
    save("transfer.safetensors", out, "Fisher information, and penalties on moving away from where a network was")
