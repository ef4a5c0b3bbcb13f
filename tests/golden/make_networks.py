#!/usr/bin/env python3
"""Makes networks.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13), in double: whole networks at their
smallest, by tests/pytorch/networks.py. For each case NAME:

  NAME.cfg                        the configuration as in a snapshot, bytes of JSON
  NAME.G.*, NAME.D.* or NAME.*    the state dicts
  NAME.z, NAME.x                  latents, and images as the network takes them
  NAME.made                       G(z), or the decoder's logits
  NAME.judged, .mu, .logvar       D(x), or the encoder's two outputs
  NAME.grad.*                     d of sum(made v) + sum(judged u) + mean |d sum(judged) / dx|^2 for the parameters of both;
                                  of a VAE sum(made v) + sum(mu a) + sum(logvar b)
  NAME.v, .u, .a, .b              those weights
  NAME.labels, .told, .t          of a network that is told a class: its row of a 1 among zeros; the logits of classes of an
                                  auxiliary classifier, and their weights in what is differentiated, as sum(told t)
  NAME.styled, .w_avg             of a network with styles: see styled(), with NAME.fine and .truncation
"""
import json
import os
import sys
import torch
from make_golden import save

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))
import networks

torch.manual_seed(7)
out, cfg = {}, {}


def scatter(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * (1 / p[0].numel() ** 0.5 if p.dim() > 1 else 0.3) + (0.3 if p.dim() == 1 else 0))
    for name, b in module.named_buffers():
        if name.endswith("w_avg"):
            b.copy_(torch.randn_like(b))
    return module.double()


def keep(prefix, module):
    out.update({prefix + k: v.clone() for k, v in module.state_dict().items() if v.dtype == torch.float64})


def grads(prefix, loss, modules):
    names = [(p + k, t) for p, m in modules for k, t in m.named_parameters()]
    for (k, _), g in zip(names, torch.autograd.grad(loss, [t for _, t in names])):
        out[prefix + k] = g


def pictures(c, n, low):
    return torch.rand(n, c["channels"], c["height"], c["width"], dtype=torch.float64) * (1 - low) + low


def gan(name, c, G, D, n=3):
    c = cfg[name] = {"channels": 1, "height": 32, "width": 32, "ngf": 2, "ndf": 2, "nz": 3, **c}
    G, D = scatter(G(c)), scatter(D(c))
    keep(name + ".G.", G)
    keep(name + ".D.", D)
    z, x = torch.randn(n, c["nz"], dtype=torch.float64), pictures(c, n, -1).requires_grad_()
    labels = torch.randint(c["classes"], (n,)) if "cond" in c else None
    if c["arch"] == "style":
        styled(name, G, z, labels)
    made, judged = G(z, labels), D(x, labels)
    told = judged[1] if c.get("cond") == "acgan" else None
    judged = judged if told is None else judged[0]
    slope, = torch.autograd.grad(judged.sum(), x, create_graph=True)
    v, u = torch.randn_like(made), torch.randn_like(judged)
    loss = (made * v).sum() + (judged * u).sum() + slope.square().sum() / n
    if told is not None:
        t = torch.randn_like(told)
        out.update({name + ".told": told, name + ".t": t})
        loss = loss + (told * t).sum()
    if labels is not None:
        out[name + ".labels"] = networks.one_hot(c, labels, z)
    grads(name + ".grad.", loss, [("G.", G), ("D.", D)])
    out.update({f"{name}.{k}": t for k, t in dict(z=z, x=x, made=made, judged=judged, v=v, u=u).items()})


def styled(name, G, z, labels):
    """Drawn towards the mean style, the layers from the fourth on with the styles of other latents; the mean after a step."""
    fine, truncation = torch.randn_like(z), torch.rand(len(z), 1, dtype=torch.float64)
    with torch.no_grad():
        out[name + ".styled"] = G(z, labels, truncation, fine, 3)
        out[name + ".w_avg"] = 0.995 * G.mapping.w_avg + 0.005 * G.map(z, labels).mean(0)
    out[name + ".fine"], out[name + ".truncation"] = fine, truncation


def vae(name, c, V, n=3):
    c = cfg[name] = {"channels": 1, "height": 8, "width": 12, "ngf": 2, "nz": 3, **c}
    V = scatter(V(c))
    keep(name + ".", V)
    z, x = torch.randn(n, c["nz"], dtype=torch.float64), pictures(c, n, 0)
    made, (mu, logvar) = V.decode(z), V.encode(x)
    v, a, b = torch.randn_like(made), torch.randn_like(mu), torch.randn_like(mu)
    grads(name + ".grad.", (made * v).sum() + (mu * a).sum() + (logvar * b).sum(), [("", V)])
    out.update({f"{name}.{k}": t for k, t in dict(z=z, x=x, made=made, mu=mu, logvar=logvar, v=v, a=a, b=b).items()})


gan("resnet", {"arch": "resnet"}, networks.ResNetG, networks.ResNetD)
gan("resnet-se", {"arch": "resnet", "se": 1, "d_norm": "layer"}, networks.ResNetG, networks.ResNetD)
gan("resnet-64", {"arch": "resnet", "height": 64, "width": 64, "ngf": 1, "ndf": 1}, networks.ResNetG,
    networks.ResNetD, 2)
vae("vae-res", {"arch": "vae-res", "channels": 2, "se": 1}, networks.ResidualVAE)

gan("style", {"arch": "style", "ngf": 1, "ndf": 1, "mapping_layers": 2}, networks.StyleG, networks.StyleD, 4)
told = {"classes": 3, "ngf": 1, "ndf": 1}
for cond in ("concat", "projection", "acgan"):
    gan("style-" + cond, {"arch": "style", "mapping_layers": 2, "cond": cond, **told}, networks.StyleG, networks.StyleD, 4)
for cond in ("projection", "acgan"):
    gan("resnet-" + cond, {"arch": "resnet", "cond": cond, **told}, networks.ResNetG, networks.ResNetD)

for name, c in cfg.items():  # as bytes, since the metadata say how the file was made
    out[name + ".cfg"] = torch.tensor(list(json.dumps(c).encode()), dtype=torch.uint8)
save("networks.safetensors", out, "whole networks, what they make and their gradients; see make_networks.py")
