#!/usr/bin/env python3
"""Makes conditional.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13): one step of SGD at rate 0.05 of
conditional models of 3 classes, batch 8. GANs are DCGANs of 32x32, ngf = ndf = 2, nz = 4; VAEs have 12x12 pixels,
hidden = ngf = 5, nz = 3. Computed in double. Numbers drawn on the device are Philox4x32-10 with seed 0 and counter 0.

  images U8 (8,1,32,32), used as x / 127.5 - 1; latents (8,4); labels, fake_labels I64 (8)
  small U8 (8,1,12,12), used as x / 255; eps (8,3); eps3 (24,3), three draws an image
  CASE.init.NET.*             the state dicts before, NET G and D, or of a VAE none
  CASE.grad.NET.*             d(all of the player's loss)/d(parameter), G's through D after its update
  CASE.loss_D_real, .loss_D_fake, .loss_G, .class_D, .class_G, .gp, .bcr; or .loss, .reconstruction, .kl   values
  made (8,1,32,32)            what projection's G makes of the latents and fake_labels in evaluation mode, before the step
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm
from make_golden import pictures, save
from philox import uniform, BETWEEN, SHIFT

f, nz, classes = 2, 4, 3


class ConditionalBatchNorm(nn.Module):
    """de Vries et al. 2017: batch norm without parameters, then a scale and a shift of each class."""
    def __init__(self, channels):
        super().__init__()
        self.gamma, self.beta = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        nn.init.normal_(self.gamma.weight, 1, 0.3)
        nn.init.normal_(self.beta.weight, 0, 0.3)

    def forward(self, x, y):
        x = F.batch_norm(x, self.running_mean, self.running_var, training=self.training)
        return x * self.gamma(y)[:, :, None, None] + self.beta(y)[:, :, None, None]


class Labelled(nn.Sequential):
    def forward(self, x, y):
        for m in self:
            x = m(x, y) if isinstance(m, ConditionalBatchNorm) else m(x)
        return x


def generator(cond):
    norm = ConditionalBatchNorm if cond == "projection" else nn.BatchNorm2d
    return Labelled(nn.ConvTranspose2d(nz + (0 if cond == "projection" else classes), f*4, 4, 1, 0, bias=False), norm(f*4),
                    nn.ReLU(), nn.ConvTranspose2d(f*4, f*2, 4, 2, 1, bias=False), norm(f*2), nn.ReLU(),
                    nn.ConvTranspose2d(f*2, f, 4, 2, 1, bias=False), norm(f), nn.ReLU(),
                    nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())


class Discriminator(nn.Sequential):
    def __init__(self, cond, kind):
        sn, bias = (spectral_norm if kind == "spectral" else lambda m: m), kind != "batch"
        norm = (lambda n: [nn.BatchNorm2d(n)]) if kind == "batch" else (lambda n: [])
        super().__init__(sn(nn.Conv2d(1 + (classes if cond == "concat" else 0), f, 4, 2, 1, bias=bias)), nn.LeakyReLU(0.2),
                         sn(nn.Conv2d(f, f*2, 4, 2, 1, bias=bias)), *norm(f*2), nn.LeakyReLU(0.2),
                         sn(nn.Conv2d(f*2, f*4, 4, 2, 1, bias=bias)), *norm(f*4), nn.LeakyReLU(0.2),
                         sn(nn.Conv2d(f*4, 1, 4, 1, 0, bias=bias)))
        if cond == "projection":
            self.embed = sn(nn.Embedding(classes, f*4 * 16))
        if cond == "acgan":
            self.aux = sn(nn.Linear(f*4 * 16, classes))

    def forward(self, x, y):
        """Logits, and those of classes."""
        if not hasattr(self, "embed") and not hasattr(self, "aux"):
            x = torch.cat([x, F.one_hot(y, classes)[:, :, None, None].expand(-1, -1, 32, 32)], 1)
        layers = [m for name, m in self.named_children() if name not in ("embed", "aux")]
        for m in layers[:-1]:
            x = m(x)
        logits = layers[-1](x).view(-1)
        if hasattr(self, "embed"):
            logits = logits + (self.embed(y) * x.flatten(1)).sum(1)
        return logits, self.aux(x.flatten(1)) if hasattr(self, "aux") else None


def ce(x, target):
    return F.binary_cross_entropy_with_logits(x, torch.full_like(x, target))


def moved(x, drawn):
    """By -4 .. 4 pixels, reflected at the edges."""
    wide = F.pad(x, (4, 4, 4, 4), "reflect")
    return torch.stack([w.narrow(1, int(9 * a), 32).narrow(2, int(9 * b), 32) for w, a, b in zip(wide, *drawn[:2])])


def latent(cond):
    z = noise if cond == "projection" else torch.cat([noise, F.one_hot(asked, classes)], 1)
    return z[:, :, None, None]


def gan(cond, loss, reg, kind, out, case):
    torch.manual_seed(6)
    G, D = generator(cond).double(), Discriminator(cond, kind).double()
    for name, net in (("G", G), ("D", D)):
        out.update({"%s.init.%s.%s" % (case, name, k): v.clone() for k, v in net.state_dict().items()})
    z, values = latent(cond), {}
    if case == "projection":
        out["made"] = G.eval()(z, asked)
        G.train()
    fake = G(z, asked)
    (r, r_class), (k, k_class) = D(reals, labels), D(fake.detach(), asked)
    hinge = loss == "hinge"
    real_part = F.relu(1 - r).mean() if hinge else -r.mean() if loss == "wgan-gp" else ce(r, 1)
    fake_part = F.relu(1 + k).mean() if hinge else k.mean() if loss == "wgan-gp" else ce(k, 0)
    values["loss_D_real"], values["loss_D_fake"], total = real_part, fake_part, real_part + fake_part
    if cond == "acgan":
        values["class_D"] = F.cross_entropy(r_class, labels) + F.cross_entropy(k_class, asked)
        total = total + AUX * values["class_D"]
    if reg == "gp":  # at points between images and fakes, of the images' classes
        at = fake.detach() + uniform(BETWEEN, 0, 8, 1, 1, 1) * (reals - fake.detach())
        at.requires_grad_(True)
        g, = torch.autograd.grad(D(at, labels)[0].sum(), at, create_graph=True)
        values["gp"] = ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
        total = total + 10 * values["gp"]
    if reg == "bcr":
        drawn = uniform(SHIFT, 0, 6, 8)
        values["bcr"] = sum(((D(x, y)[0] - D(moved(x, drawn[i:]), y)[0]) ** 2).mean()
                            for x, y, i in ((reals, labels, 0), (fake.detach(), asked, 3)))
        total = total + 10 * values["bcr"]
    total.backward()
    out.update({"%s.grad.D.%s" % (case, n): p.grad.clone() for n, p in D.named_parameters()})
    torch.optim.SGD(D.parameters(), 0.05).step()
    k, k_class = D(fake, asked)
    values["loss_G"] = total = -k.mean() if loss in ("hinge", "wgan-gp") else ce(k, 1)
    if cond == "acgan":
        values["class_G"] = F.cross_entropy(k_class, asked)
        total = total + AUX * values["class_G"]
    G.zero_grad()
    total.backward()
    out.update({"%s.grad.G.%s" % (case, n): p.grad.clone() for n, p in G.named_parameters()})
    out.update({"%s.%s" % (case, n): np.array(v.item()) for n, v in values.items()})


def vae(conv, draws, out, case):
    torch.manual_seed(7)
    h = 5
    if conv:  # the class joins what the convolutions made
        net = nn.ModuleDict({"conv1": nn.Conv2d(1, h, 4, 2, 1), "conv2": nn.Conv2d(h, 2*h, 4, 2, 1),
                             "fc21": nn.Linear(2*h*9 + classes, 3), "fc22": nn.Linear(2*h*9 + classes, 3),
                             "fc3": nn.Linear(3 + classes, 2*h*9), "deconv1": nn.ConvTranspose2d(2*h, h, 4, 2, 1),
                             "deconv2": nn.ConvTranspose2d(h, 1, 4, 2, 1)})
    else:  # the class joins the pixels
        net = nn.ModuleDict({"fc1": nn.Linear(144 + classes, h), "fc21": nn.Linear(h, 3), "fc22": nn.Linear(h, 3),
                             "fc3": nn.Linear(3 + classes, h), "fc4": nn.Linear(h, 144)})
    net.double()
    out.update({"%s.init.%s" % (case, k): v.clone() for k, v in net.state_dict().items()})
    x, y = torch.tensor(given["small"].astype(np.float64)) / 255, F.one_hot(labels, classes).double()
    if conv:
        hidden = torch.cat([F.relu(net["conv2"](F.relu(net["conv1"](x)))).flatten(1), y], 1)
    else:
        hidden = F.relu(net["fc1"](torch.cat([x.flatten(1), y], 1)))
    mu, logvar = net["fc21"](hidden), net["fc22"](hidden)
    mu, logvar, y, x = (t.repeat_interleave(draws, 0) for t in (mu, logvar, y, x))
    eps = torch.tensor(given["eps3" if draws > 1 else "eps"].astype(np.float64))
    sampled = mu + eps * torch.exp(logvar / 2)
    z = torch.cat([sampled, y], 1)
    n = 8 * draws
    made = F.relu(net["fc3"](z))
    if conv:
        made = net["deconv2"](F.relu(net["deconv1"](made.view(n, 2*h, 3, 3))))
    else:
        made = net["fc4"](made).view(n, 1, 12, 12)
    nll = F.binary_cross_entropy_with_logits(made, x, reduction="none").flatten(1).sum(1)
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1)
    loss = (nll + kl).mean()
    if draws > 1:  # Burda et al. 2016, equation 8
        log_weight = 0.5 * (eps ** 2 + logvar - sampled ** 2).sum(1) - nll
        loss = -(torch.logsumexp(log_weight.view(8, draws), 1) - np.log(draws)).mean()
    loss.backward()
    out.update({"%s.grad.VAE.%s" % (case, n): p.grad.clone() for n, p in net.named_parameters()})
    values = {"loss": loss, "reconstruction": nll.mean(), "kl": kl.mean()}
    out.update({"%s.%s" % (case, k): np.array(v.item()) for k, v in values.items()})


AUX = 0.5
rng = np.random.RandomState(8)
given = {"images": pictures(8, 32)[:, None], "latents": rng.randn(8, nz).astype(np.float32),
         "labels": rng.randint(0, classes, 8), "fake_labels": rng.randint(0, classes, 8),
         "small": pictures(8, 12)[:, None], "eps": rng.randn(8, 3).astype(np.float32), "eps3": rng.randn(24, 3).astype(np.float32)}
reals = torch.tensor(given["images"].astype(np.float64)) / 127.5 - 1
noise = torch.tensor(given["latents"].astype(np.float64))
labels, asked = torch.tensor(given["labels"]), torch.tensor(given["fake_labels"])

torch.set_num_threads(1)
tensors = dict(given)
gan("concat", "ns", "", "batch", tensors, "concat")
gan("projection", "ns", "", "batch", tensors, "projection")
gan("acgan", "ns", "", "batch", tensors, "acgan")
gan("projection", "hinge", "", "spectral", tensors, "projection+sn")
gan("acgan", "hinge", "", "spectral", tensors, "acgan+sn")
gan("concat", "wgan-gp", "gp", "plain", tensors, "concat+gp")
gan("projection", "wgan-gp", "gp", "plain", tensors, "projection+gp")
gan("projection", "hinge", "bcr", "batch", tensors, "projection+bcr")
vae(False, 1, tensors, "vae-mlp")
vae(False, 3, tensors, "vae-mlp+iwae")
vae(True, 1, tensors, "vae-conv")
save("conditional.safetensors", tensors, "models that are told a class: values and gradients")
