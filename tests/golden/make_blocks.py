#!/usr/bin/env python3
"""Makes blocks.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13), in double: normalisations and building
blocks of networks, on small odd shapes. For each case NAME, with y = f(x, parameters):

  NAME.x, NAME.in.*       the input, and what the block gets beside it
  NAME.param.*            the state dict before, as tests/test_blocks.c finds it
  NAME.y                  the output
  NAME.grad.*             d sum(y v) for x, each input beside it and each parameter; NAME.v is v
  NAME.second.*           d sum(u . d sum(y v) / dx) for the same; NAME.u is u
"""
import os
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from make_golden import save

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))
from networks import ConditionalBatchNorm, Residual, SqueezeExcite

torch.manual_seed(3)
out = {}


def scatter(module):
    """No parameter keeps a value that hides a mistake, as 1 and 0 do."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * (0.3 if p.dim() > 1 else 0.5) + (0.1 if p.dim() == 1 else 0))


def case(name, module, x, beside=None, call=None):
    module = module.double()
    scatter(module)
    out.update({f"{name}.param.{k}": v.clone() for k, v in module.state_dict().items() if v.dtype == torch.float64})
    x = x.double().requires_grad_()
    beside = {k: v.double().requires_grad_() for k, v in (beside or {}).items()}
    y = (call or (lambda m, x: m(x)))(module, x, **beside)
    v, u = torch.randn_like(y), torch.randn_like(x)
    wrt = {"x": x, **{"in." + k: t for k, t in beside.items()}, **{"param." + k: p for k, p in module.named_parameters()}}
    first = torch.autograd.grad((y * v).sum(), list(wrt.values()), create_graph=True)
    of_gradient = (first[0] * u).sum() + 0 * x.sum()  # that of a linear block depends on nothing
    second = torch.autograd.grad(of_gradient, list(wrt.values()), allow_unused=True)
    out.update({f"{name}.x": x, f"{name}.y": y, f"{name}.v": v, f"{name}.u": u})
    out.update({f"{name}.in.{k}": t for k, t in beside.items()})
    for k, g, gg in zip(wrt, first, second):
        out[f"{name}.grad.{k}"] = g
        out[f"{name}.second.{k}"] = torch.zeros_like(g) if gg is None else gg


# ---- Normalisations ----

class Affine(nn.Module):
    """A scale and a shift a channel behind a normalisation without parameters."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def of(self, x):
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class LayerNorm(Affine):
    def forward(self, x):
        return self.of(F.layer_norm(x, x.shape[1:]))


class VirtualBatchNorm(Affine):
    """Salimans et al. 2016, section 3.5: each image with the reference batch as one batch."""

    def __init__(self, channels, references):
        super().__init__(channels)
        self.references = references

    def forward(self, x):
        r = x[:self.references]
        y = [F.batch_norm(r, None, None, training=True)]
        for i in range(self.references, len(x)):
            images = torch.cat([r, x[i:i + 1]])
            # Each of its parts counts as one of R + 1 images, so this is a plain batch norm, of which the last is kept.
            y.append(F.batch_norm(images, None, None, training=True)[-1:])
        return self.of(torch.cat(y))


def adaptive_instance_norm(module, x, scale, shift):
    return F.instance_norm(x) * scale[:, :, None, None] + shift[:, :, None, None]


case("group", nn.GroupNorm(2, 6), torch.randn(3, 6, 5, 3) * 2 + 1)
case("layer", LayerNorm(6), torch.randn(3, 6, 5, 3) * 2 + 1)
case("layer-of-vectors", nn.LayerNorm(7), torch.randn(3, 7) * 2 + 1)
case("instance", nn.InstanceNorm2d(5, affine=True), torch.randn(3, 5, 4, 3) * 2 + 1)
case("virtual", VirtualBatchNorm(4, 3), torch.randn(5, 4, 3, 2) * 2 + 1)
labels = torch.tensor([2, 0, 1, 2])
out["conditional.labels"] = F.one_hot(labels, 3).float()
case("conditional", ConditionalBatchNorm(3, 5), torch.randn(4, 5, 3, 2) * 2 + 1, call=lambda m, x: m(x, labels))
case("adaptive", nn.Module(), torch.randn(3, 5, 4, 3) * 2 + 1, {"scale": torch.randn(3, 5), "shift": torch.randn(3, 5)},
     adaptive_instance_norm)



# ---- Blocks ----

class Dense(nn.Module):
    def __init__(self, cin, growth, layers):
        super().__init__()
        self.layers = layers
        for i in range(layers):
            setattr(self, f"norm{i + 1}", nn.BatchNorm2d(cin + i * growth))
            setattr(self, f"conv{i + 1}", nn.Conv2d(cin + i * growth, growth, 3, 1, 1, bias=False))

    def forward(self, x):
        for i in range(1, self.layers + 1):
            x = torch.cat([x, getattr(self, f"conv{i}")(F.relu(getattr(self, f"norm{i}")(x)))], 1)
        return x


class Inception(nn.Module):
    def __init__(self, cin, one, three_reduced, three, five_reduced, five, pool):
        super().__init__()
        self.one, self.pool = nn.Conv2d(cin, one, 1), nn.Conv2d(cin, pool, 1)
        self.three1, self.three2 = nn.Conv2d(cin, three_reduced, 1), nn.Conv2d(three_reduced, three, 3, 1, 1)
        self.five1, self.five2 = nn.Conv2d(cin, five_reduced, 1), nn.Conv2d(five_reduced, five, 5, 1, 2)

    def forward(self, x):
        r = F.relu
        return torch.cat([r(self.one(x)), r(self.three2(r(self.three1(x)))), r(self.five2(r(self.five1(x)))),
                          r(self.pool(F.avg_pool2d(x, 3, 1, 1)))], 1)


class FullyConvolutional(nn.Module):
    def __init__(self, cin, hidden, cout, levels):
        super().__init__()
        self.levels = levels
        for i in range(levels):
            setattr(self, f"conv{i + 1}", nn.Conv2d(hidden if i else cin, hidden, 3, 1, 1))
            setattr(self, f"score{i + 1}", nn.Conv2d(hidden, cout, 1))

    def forward(self, x):
        scores = []
        for i in range(1, self.levels + 1):
            x = F.relu(getattr(self, f"conv{i}")(F.avg_pool2d(x, 2) if i > 1 else x))
            scores.append(getattr(self, f"score{i}")(x))
        y = scores.pop()
        while scores:
            y = scores.pop() + F.interpolate(y, scale_factor=2)
        return y


case("nearest", nn.Module(), torch.randn(2, 3, 3, 2), call=lambda m, x: F.interpolate(x, scale_factor=3))
case("bilinear", nn.Module(), torch.randn(2, 3, 3, 4),
     call=lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
case("bilinear-of-one", nn.Module(), torch.randn(2, 3, 1, 2),
     call=lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
case("pool", nn.Module(), torch.randn(2, 3, 6, 9), call=lambda m, x: F.avg_pool2d(x, 3))
case("pool-3x3", nn.Module(), torch.randn(2, 3, 4, 5), call=lambda m, x: F.avg_pool2d(x, 3, 1, 1))
case("squeeze", SqueezeExcite(5), torch.randn(3, 5, 4, 3))
case("residual", Residual(4, 4, squeeze=True), torch.randn(2, 4, 5, 3))
case("residual-up", Residual(5, 3, "up", nn.BatchNorm2d), torch.randn(2, 5, 3, 4))
case("residual-down", Residual(3, 5, "down", lambda c: nn.GroupNorm(1, c), 0.2), torch.randn(2, 3, 4, 6))
case("residual-first", Residual(2, 5, "down", first=True), torch.randn(2, 2, 4, 6))
out["residual-classes.labels"] = F.one_hot(labels, 3).float()
case("residual-classes", Residual(4, 3, "up", lambda c: ConditionalBatchNorm(3, c), squeeze=True), torch.randn(4, 4, 3, 2),
     call=lambda m, x: m(x, labels))
case("dense", Dense(3, 2, 3), torch.randn(2, 3, 4, 5))
case("inception", Inception(4, 2, 3, 4, 2, 3, 2), torch.randn(2, 4, 5, 6))
case("fully-convolutional", FullyConvolutional(2, 4, 3, 3), torch.randn(2, 2, 8, 4))


# ---- Pooling. Last, so that what is drawn for the cases above stays the same. ----

pads = lambda x, left, right, top, bottom: F.pad(x, (left, right, top, bottom), value=-1e9)
case("pool-inside", nn.Module(), torch.randn(2, 3, 4, 5),
     call=lambda m, x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
case("pool-strided", nn.Module(), torch.randn(2, 3, 5, 8),
     call=lambda m, x: F.avg_pool2d(x, (2, 5), (2, 3), (1, 2), count_include_pad=False))
case("max", nn.Module(), torch.randn(2, 3, 7, 8), call=lambda m, x: F.max_pool2d(x, 3, 2))
case("max-padded", nn.Module(), torch.randn(2, 3, 6, 5) - 2,
     call=lambda m, x: F.max_pool2d(pads(x, 1, 0, 1, 1), (3, 2), (2, 1)))
case("max-apart", nn.Module(), torch.randn(2, 3, 5, 7), call=lambda m, x: F.max_pool2d(pads(x, 0, 1, 0, 0), (1, 2), (2, 3)))
case("max-of-ties", nn.Module(), F.relu(torch.randn(2, 3, 7, 9)).round(), call=lambda m, x: F.max_pool2d(x, 3, 2))

save("blocks.safetensors", out, "layers and blocks, their gradients and the gradients' gradients; see make_blocks.py")
