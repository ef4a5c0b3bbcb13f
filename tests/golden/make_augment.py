#!/usr/bin/env python3
"""The augmentations of a discriminator's images, written a second time after the paper (Karras et al. 2020, "Training
Generative Adversarial Networks with Limited Data", appendix B), in numpy and with PyTorch's grid_sample, all in double
(Debian's python3-torch, 1.13).

    /usr/bin/python3 make_augment.py     writes augment.safetensors beside itself:

  uniform (29,6), normal (12,6)          random numbers of six images: columns of the rows that U and N below name
  p (1)                                  the probability of each transformation
  CASE.images (6,C,H,W), CASE.drawn      of the cases grey, rgb and rgba
  CASE.NAME                              the images after the groups NAME: blit, geom, color, filter, noise, cutout, bgc
                                         and all; or after half of the single transformations (HALVES below)
  CASE.all.d                             the gradient of sum(y * f(y's size, 1)) with respect to the images; f as in
                                         make_golden.py
  sample.x (2,3,5,7), sample.theta (2,2,3), sample.y (2,3,6,4), sample.dy, sample.dx
                                         one view through affine maps in pixels from the middle, some of it twice reflected
"""
import numpy as np
import torch
import torch.nn.functional as F
from make_golden import save, functional

U = {name: i for i, name in enumerate(
    "flip? flip turn? turn shift? shift_x shift_y scale? before? before squeeze? after? after fraction? brightness? contrast? "
    "luma? luma hue? hue saturation? filter0? filter1? filter2? filter3? noise? cutout? cutout_x cutout_y".split())}
N = {name: i for i, name in enumerate(
    "scale squeeze fraction_x fraction_y brightness contrast saturation filter0 filter1 filter2 filter3 noise".split())}
torch.set_default_dtype(torch.float64)
rng = np.random.RandomState(20201110)


def numbers(n):
    u = rng.uniform(0, 1, (len(U), n)).astype(np.float32)
    v = rng.normal(0, 1, (len(N), n)).astype(np.float32)
    return u.astype(np.float64), v.astype(np.float64)


def view(x, maps, height, width):
    """x (N,C,H,W) at maps (N,2,3) of places from the middle."""
    n, _, h, w = x.shape
    v, u = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    places = np.stack([u, v, np.ones_like(u)], -1) @ np.transpose(maps, (0, 2, 1))[:, None]
    grid = places / np.array([(w - 1) / 2, (h - 1) / 2])  # -1 and 1 are the centres of the outermost pixels
    return F.grid_sample(x, torch.tensor(grid), mode="bilinear", padding_mode="reflection", align_corners=True)


def matrix(*rows):
    return np.array(rows, dtype=np.float64)


def scaling(x, y):
    return matrix([x, 0, 0], [0, y, 0], [0, 0, 1])


def turning(angle):
    return matrix([np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1])


def shifting(x, y):
    return matrix([1, 0, x], [0, 1, y], [0, 0, 1])


def move(x, which, p, u, v):
    h, w = x.shape[2:]
    maps = []
    for i in range(len(x)):
        happens = lambda name, prob=p: u[U[name + "?"], i] < prob
        U_, N_ = (lambda name: u[U[name], i]), (lambda name: v[N[name], i])
        m = np.eye(3)
        if "xflip" in which and happens("flip"):
            m = m @ scaling(1 - 2 * np.floor(2 * U_("flip")), 1)
        if "rotate90" in which and happens("turn"):
            m = m @ turning(np.pi / 2 * np.floor(4 * U_("turn")))
        if "xint" in which and happens("shift"):
            m = m @ shifting(*np.round([(2 * U_("shift_x") - 1) / 8 * w, (2 * U_("shift_y") - 1) / 8 * h]))
        if "scale" in which and happens("scale"):
            m = m @ scaling(*[2 ** (-0.2 * N_("scale"))] * 2)
        either = 1 - np.sqrt(1 - p)
        if "rotate" in which and happens("before", either):
            m = m @ turning(np.pi * (2 * U_("before") - 1))
        if "aniso" in which and happens("squeeze"):
            m = m @ scaling(2 ** (-0.2 * N_("squeeze")), 2 ** (0.2 * N_("squeeze")))
        if "rotate" in which and happens("after", either):
            m = m @ turning(np.pi * (2 * U_("after") - 1))
        if "xfrac" in which and happens("fraction"):
            m = m @ shifting(N_("fraction_x") / 8 * w, N_("fraction_y") / 8 * h)
        maps.append(m[:2])
    return view(x, np.array(maps), h, w)


def color(x, which, p, u, v):
    """As 4x4 matrices of homogeneous colours, one after another."""
    c, axis, out = x.shape[1], np.array([1, 1, 1, 0]) / np.sqrt(3), []
    grey = np.outer(axis, axis)
    for i in range(len(x)):
        happens = lambda name: u[U[name + "?"], i] < p
        m = np.eye(4)
        if "brightness" in which and happens("brightness"):
            step = np.eye(4)
            step[:3, 3] = 0.2 * v[N["brightness"], i]
            m = step @ m
        if "contrast" in which and happens("contrast"):
            m = np.diag([2 ** (0.5 * v[N["contrast"], i])] * 3 + [1]) @ m
        if "lumaflip" in which and happens("luma"):
            m = (np.eye(4) - 2 * grey * np.floor(2 * u[U["luma"], i])) @ m
        if "hue" in which and happens("hue") and c > 2:
            angle = np.pi * (2 * u[U["hue"], i] - 1)
            k = np.zeros((4, 4))
            k[:3, :3] = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
            m = (np.eye(4) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k) @ m  # Rodrigues
        if "saturation" in which and happens("saturation") and c > 2:
            m = (grey + (np.eye(4) - grey) * 2 ** v[N["saturation"], i]) @ m
        if c < 3:  # of a grey colour all three rows make the same
            out.append(torch.cat([x[i, :1] * m[0, :3].sum() + m[0, 3], x[i, 1:]]))
        else:
            out.append(torch.cat([torch.einsum("ij,jhw->ihw", torch.tensor(m[:3, :3]), x[i, :3])
                                  + torch.tensor(m[:3, 3])[:, None, None], x[i, 3:]]))
    return torch.stack(out)


def smooth(x, step):
    """(1 2 1) / 4 along both axes; reflected at the edges."""
    for axis in 2, 3:
        n = x.shape[axis]
        reach = np.abs(np.arange(-step, n + step))
        reach = (n - 1) - np.abs((n - 1) - reach % (2 * n - 2))
        wide = x.index_select(axis, torch.tensor(reach))
        x = (wide.narrow(axis, 0, n) + 2 * wide.narrow(axis, step, n) + wide.narrow(axis, 2 * step, n)) / 4
    return x


def bands(x, p, u, v):
    levels = [x]
    for step in 1, 2, 4:
        levels.append(smooth(levels[-1], step))
    parts, power = [a - b for a, b in zip(levels, levels[1:])] + levels[-1:], np.array([1, 1, 1, 10]) / 13
    g = np.ones((len(x), 4))
    for k in range(4):
        t = np.ones((len(x), 4))
        t[:, k] = np.where(u[U["filter%d?" % k]] < p, 2 ** v[N["filter%d" % k]], 1)
        g *= t / np.sqrt((power * t ** 2).sum(1, keepdims=True))
    return sum(torch.tensor(g[:, k])[:, None, None, None] * part for k, part in enumerate(parts))


def noise(x, p, u, v, drawn):
    deviation = np.where(u[U["noise?"]] < p, 0.1 * np.abs(v[N["noise"]]), 0)
    return x + torch.tensor(deviation)[:, None, None, None] * drawn


def cutout(x, p, u, v):
    h, w = x.shape[2:]
    out = x.clone()
    for i in range(len(x)):
        if u[U["cutout?"], i] < p:
            near = lambda n, name: np.abs((np.arange(n) + 0.5) / n - u[U[name], i]) < 0.25
            out[i] = torch.where(torch.tensor(np.outer(near(h, "cutout_y"), near(w, "cutout_x"))), 0.0, x[i])
    return out


GROUPS = {"blit": ["xflip", "rotate90", "xint"], "geom": ["scale", "rotate", "aniso", "xfrac"],
          "color": ["brightness", "contrast", "lumaflip", "hue", "saturation"]}
HALVES = {"even": ["xflip", "xint", "rotate", "xfrac", "contrast", "hue"],
          "odd": ["rotate90", "scale", "aniso", "brightness", "lumaflip", "saturation"]}


def augment(x, which, p, u, v, drawn):
    which = set(sum([GROUPS.get(name, [name]) for name in which], []))
    if which & set(GROUPS["blit"] + GROUPS["geom"]):
        x = move(x, which, p, u, v)
    if which & set(GROUPS["color"]):
        x = color(x, which, p, u, v)
    if "filter" in which:
        x = bands(x, p, u, v)
    if "noise" in which:
        x = noise(x, p, u, v, drawn)
    if "cutout" in which:
        x = cutout(x, p, u, v)
    return x


def main():
    out = {}
    p = float(np.float32(0.7))
    u, v = numbers(6)
    out["uniform"], out["normal"], out["p"] = u, v, np.array([p])
    everything = ["blit", "geom", "color", "filter", "noise", "cutout"]
    for case, shape in ("grey", (6, 1, 11, 11)), ("rgb", (6, 3, 9, 8)), ("rgba", (6, 4, 7, 6)):
        x = torch.tensor(rng.uniform(-1, 1, shape).astype(np.float32).astype(np.float64))
        drawn = torch.tensor(rng.normal(0, 1, shape).astype(np.float32).astype(np.float64))
        out[case + ".images"], out[case + ".drawn"] = x, drawn
        for name, which in [(n, [n]) for n in everything] + [("bgc", everything[:3]), ("all", everything),
                                                              *HALVES.items()]:
            one = x.clone().requires_grad_(True)
            y = augment(one, which, p, u, v, drawn)
            out["%s.%s" % (case, name)] = y
            if name == "all":
                out["%s.%s.d" % (case, name)] = torch.autograd.grad((y * functional(y, 1)).sum(), one)[0]
    x = torch.tensor(rng.uniform(-1, 1, (2, 3, 5, 7)).astype(np.float32).astype(np.float64), requires_grad=True)
    theta = np.array([[[0.9, -0.8, 0.7], [1.1, 0.6, -1.3]], [[-4.2, 0.5, 1.9], [0.3, 3.7, -2.6]]]).astype(np.float32)
    y = view(x, theta.astype(np.float64), 6, 4)
    out["sample.x"], out["sample.theta"], out["sample.y"], out["sample.dy"] = x, theta, y, functional(y, 1)
    out["sample.dx"] = torch.autograd.grad((y * functional(y, 1)).sum(), x)[0]
    save("augment.safetensors", out, "see make_augment.py")


if __name__ == "__main__":
    main()
