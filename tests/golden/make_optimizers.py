#!/usr/bin/env python3
"""Makes optimizers.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13): five steps on sum(c w^2).

  start, c (4)        w before, and the coefficients
  NAME (5,4)          w after each step, for sgd, momentum, rmsprop, adam and adamw with the settings below, and clipped:
                      sgd with the gradient's norm limited to 3
"""
import torch
from make_golden import save

SETTINGS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05),
    "momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.8),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.05, alpha=0.9, eps=1e-3),
    "adam": lambda p: torch.optim.Adam(p, 0.1, (0.5, 0.99), eps=1e-3),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, (0.5, 0.99), eps=1e-3, weight_decay=0.3),
    "clipped": lambda p: torch.optim.SGD(p, 0.05),
}
torch.set_default_dtype(torch.float64)
out = {"start": torch.tensor([1, -2, 3, 0.5]), "c": torch.tensor([1, 0.5, 2, -1])}
for name, make in SETTINGS.items():
    w, steps = out["start"].clone().requires_grad_(True), []
    optimizer = make([w])
    for _ in range(5):
        optimizer.zero_grad()
        (out["c"] * w ** 2).sum().backward()
        if name == "clipped":
            torch.nn.utils.clip_grad_norm_([w], 3)
        optimizer.step()
        steps.append(w.detach().clone())
    out[name] = torch.stack(steps)
save("optimizers.safetensors", out, "five steps of each optimiser")
