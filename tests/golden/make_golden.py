#!/usr/bin/env python3
"""Makes the golden values that the tests compare with, from PyTorch (Debian's python3-torch, 1.13). The tests only read them.

    /usr/bin/python3 make_golden.py     writes ops, dcgan, vae and classifier.safetensors beside itself
    (make_objectives.py, make_gan_cases.py and make_optimizers.py write others with the help of this file)

Values are computed in double from inputs that are exact in float, and stored as float (F32).

ops.safetensors: for each case NAME
  NAME.in0, NAME.in1, ...   the inputs that are differentiated
  NAME.c0, ...              further inputs, which are not
  NAME.par                  I64 parameters, where the case has some (see below)
  NAME.out                  the output y
  NAME.d0, ...              d L / d in_i, L = sum(y * f(y's size, 1))
  NAME.dd0, ...             d H / d in_i, H = sum over j of sum(d_j * f(in_j's size, 2 + j)): the second derivatives
  with f(n, salt) = the n numbers ((37 i + 11 salt) mod 64 - 31.5) / 32.
  NAME is ew.OP for an elementwise operation, by its name in the table of src/backend/backend.h (affine: p = 1.7, q = -0.3;
  leaky_*: p = 0.2; pow: p = 1.7; clamp, in_range: p = 0.3, q = 0.7), or a name from cases() below, or
  conv2d.N: in0 x, in1 w, par = stride_h, stride_w, pad_h, pad_w
  conv_transpose2d.N: in0 x, in1 w (in, out, KH, KW), par = stride_h, stride_w, pad_h, pad_w, output height and width
  penalty: in0, in1, in2 the weights of a critic (conv 4x4 stride 2 pad 1, leaky ReLU 0.2, the same again, conv 2x2), c0 the
  images; out = mean over images of (|| d critic / d image || - 1)^2; penalty.gx = the d critic / d image; d0.. as above.

dcgan.safetensors: ten steps of the usual DCGAN training (see dcgan() below), ngf = ndf = 8, nz = 16, batch 8
  images U8 (24,1,32,32), used as x / 127.5 - 1, step s using images 8 (s mod 3) .. 8 (s mod 3) + 7; latents (10,8,16)
  init.G.*, init.D.*, final.G.*, final.D.*   the state dicts (num_batches_tracked is I64) before and after
  loss_D_real, loss_D_fake, loss_G (10)      D's loss is the sum of the first two
  samples (2,1,32,32)                        final G in evaluation mode, of latents[0, :2]

vae.safetensors: ten steps of PyTorch's VAE example with 784-16-4-16-784, batch 8
  images U8 (24,784), used as x / 255, chosen as above; eps (10,8,4)
  init.fc1.weight, ..., final.fc4.bias       the state dicts (fc1, fc21, fc22, fc3, fc4)
  loss, bce, kl (10)                         loss = bce + kl, each summed over pixels or latents, divided by the batch

classifier.safetensors: ten steps of Adam at 1e-3 of a classifier (see Classifier below) of 4 channels at first, 6 features
  and 5 classes on images of 12x12, batch 8
  images U8 (24,1,12,12), used as x / 255, chosen as above; labels I64 (24)
  init.conv1.weight, ..., final.fc2.bias     the state dicts (conv1, bn1, conv2, bn2, fc1, fc2)
  loss, accuracy (10)                        the mean cross entropy; the share of right answers, before each update
  features (8,6), probabilities (8,5)        of the first 8 images by the final network in evaluation mode
"""
import json, os, struct
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"float32": "F32", "uint8": "U8", "int64": "I64"}


def save(name, tensors, comment, metadata={}):
    metadata = {"made by": "make_golden.py, PyTorch " + torch.__version__, "what": comment, **metadata}
    header, parts, at = {"__metadata__": metadata}, [], 0
    for key, value in tensors.items():
        a = np.ascontiguousarray(value.detach().numpy() if torch.is_tensor(value) else value)
        if a.dtype == np.float64:
            a = a.astype(np.float32)
        header[key] = {"dtype": CODES[a.dtype.name], "shape": list(np.shape(value)), "data_offsets": [at, at + a.nbytes]}
        parts.append(a.tobytes())
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 8)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    print(name, 8 + len(text) + at, "bytes")


# ---- Operations ------------------------------------------------------------------------------------------------------

rng = np.random.RandomState(20261124)


def uniform(low, high, *shape):
    return torch.tensor(rng.uniform(low, high, shape).astype(np.float32), dtype=torch.float64)


def functional(x, salt):
    i = torch.arange(x.numel(), dtype=torch.float64)
    return (((37 * i + 11 * salt) % 64 - 31.5) / 32).reshape(x.shape)


def gradients(y, xs):
    """Zeros where nothing depends, as clgen_grad gives."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    ds = torch.autograd.grad(y, xs, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if d is None else d for x, d in zip(xs, ds)]


def case(out, name, function, inputs, constants=(), par=None):
    xs = [x.clone().requires_grad_(True) for x in inputs]
    y = function(*xs, *constants)
    ds = gradients((y * functional(y, 1)).sum(), xs)
    dds = gradients(sum((d * functional(d, 2 + j)).sum() for j, d in enumerate(ds)), xs)
    for kind, values in ("in", xs), ("c", constants), ("d", ds), ("dd", dds):
        for i, v in enumerate(values):
            out["%s.%s%d" % (name, kind, i)] = v
    out[name + ".out"] = y
    if par is not None:
        out[name + ".par"] = np.array(par, dtype=np.int64)


def signed(low, high, *shape):
    """Of either sign, away from the kink at 0."""
    x = uniform(low, high, *shape)
    return x * torch.tensor(np.where(rng.rand(*shape) < 0.5, -1.0, 1.0))


def elementwise(out):
    s = (3, 5)
    wide, away, positive = uniform(-3, 3, *s), signed(0.1, 3, *s), uniform(0.2, 3, *s)
    clamped = torch.where(uniform(0, 1, *s) < 0.5, uniform(0.35, 0.65, *s), torch.where(uniform(0, 1, *s) < 0.5, uniform(-1, 0.25, *s), uniform(0.75, 2, *s)))
    other, divisor, flags = uniform(-3, 3, *s), signed(0.2, 3, *s), (uniform(0, 1, *s) < 0.5).double()
    one = lambda name, f, x: case(out, "ew." + name, f, [x])
    one("copy", lambda x: x.clone(), wide)
    one("affine", lambda x: float(np.float32(1.7)) * x + float(np.float32(-0.3)), wide)
    one("neg", torch.neg, wide)
    one("abs", torch.abs, away)
    one("sign", torch.sign, away)
    one("step", lambda x: (x > 0).double() + 0 * x, away)
    one("relu", torch.relu, away)
    one("leaky_relu", lambda x: F.leaky_relu(x, float(np.float32(0.2))), away)
    one("leaky_step", lambda x: torch.where(x > 0, 1.0, float(np.float32(0.2))).double() + 0 * x, away)
    one("tanh", torch.tanh, wide)
    one("sigmoid", torch.sigmoid, wide)
    one("softplus", F.softplus, wide)
    one("exp", torch.exp, wide)
    one("log", torch.log, positive)
    one("sqrt", torch.sqrt, positive)
    one("rsqrt", torch.rsqrt, positive)
    one("square", torch.square, wide)
    one("reciprocal", torch.reciprocal, divisor)
    one("sin", torch.sin, wide)
    one("cos", torch.cos, wide)
    one("pow", lambda x: x ** float(np.float32(1.7)), positive)
    one("clamp", lambda x: torch.clamp(x, 0.3, 0.7), clamped)
    one("in_range", lambda x: ((x >= 0.3) & (x <= 0.7)).double() + 0 * x, clamped)
    one("round", torch.round, wide)
    one("is_finite", lambda x: torch.isfinite(x).double() + 0 * x, wide)
    case(out, "ew.add", torch.add, [wide, other])
    case(out, "ew.sub", torch.sub, [wide, other])
    case(out, "ew.mul", torch.mul, [wide, other])
    case(out, "ew.div", torch.div, [wide, divisor])
    case(out, "ew.maximum", torch.maximum, [wide, other])
    case(out, "ew.minimum", torch.minimum, [wide, other])
    case(out, "ew.greater", lambda a, b: (a > b).double() + 0 * a + 0 * b, [wide, other])
    case(out, "ew.where", lambda c, a, b: torch.where(c != 0, a, b) + 0 * c, [flags, wide, other])


def shapes(out):
    a, b = uniform(-2, 2, 4, 1, 3), uniform(-2, 2, 2, 1)
    case(out, "broadcast_add", torch.add, [a, b])
    case(out, "broadcast_mul", torch.mul, [a, b])
    case(out, "broadcast_div", torch.div, [a, signed(0.5, 2, 2, 1)])
    case(out, "broadcast_scalar", torch.mul, [a, uniform(-2, 2)])
    x = uniform(-2, 2, 3, 4, 5)
    square = lambda f: (lambda *xs: f(*[t * t * t for t in xs]))  # so that the second derivatives are not 0
    case(out, "sum_all", square(lambda t: t.sum()), [x])
    case(out, "sum_02", square(lambda t: t.sum((0, 2))), [x])
    case(out, "sum_1_keep", square(lambda t: t.sum(1, keepdim=True)), [x])
    case(out, "mean_12", square(lambda t: t.mean((1, 2))), [x])
    case(out, "reshape", square(lambda t: t.reshape(4, 15)), [x])
    case(out, "permute_201", square(lambda t: t.permute(2, 0, 1)), [x])
    case(out, "broadcast_to", square(lambda t: t.expand(2, 4, 3)), [uniform(-2, 2, 4, 1)])
    case(out, "slice_1_1_2", square(lambda t: t[:, 1:3]), [x])
    case(out, "pad_1_2_1", square(lambda t: F.pad(t, (0, 0, 2, 1))), [x])
    case(out, "concat_1", square(lambda s, t: torch.cat([s, t], 1)), [uniform(-2, 2, 2, 3, 2), uniform(-2, 2, 2, 1, 2)])


def linear(out):
    for name, p, q in ("nn", (4, 3), (3, 5)), ("nt", (4, 3), (5, 3)), ("tn", (3, 4), (3, 5)), ("tt", (3, 4), (5, 3)):
        f = lambda a, b, n=name: (a.t() if n[0] == "t" else a) @ (b.t() if n[1] == "t" else b)
        case(out, "matmul_" + name, f, [uniform(-2, 2, *p), uniform(-2, 2, *q)])
    sizes = [  # n c h w o kh kw sh sw ph pw
        (2, 2, 5, 7, 3, 3, 3, 1, 1, 1, 1), (1, 2, 7, 5, 3, 4, 4, 2, 2, 1, 1), (2, 1, 5, 5, 2, 1, 1, 1, 1, 0, 0),
        (1, 2, 7, 7, 2, 5, 5, 1, 1, 2, 2), (1, 1, 8, 9, 2, 3, 3, 3, 3, 0, 0), (2, 2, 4, 4, 1, 4, 4, 1, 1, 0, 0),
        (1, 2, 6, 7, 2, 3, 4, 2, 1, 1, 2), (1, 3, 7, 6, 1, 5, 3, 3, 2, 2, 0), (3, 1, 3, 3, 2, 1, 1, 2, 2, 1, 1)]
    for k, (n, c, h, w, o, kh, kw, sh, sw, ph, pw) in enumerate(sizes):
        f = lambda x, g: F.conv2d(x, g, stride=(sh, sw), padding=(ph, pw))
        case(out, "conv2d.%d" % k, f, [uniform(-1, 1, n, c, h, w), uniform(-1, 1, o, c, kh, kw)], par=(sh, sw, ph, pw))
    sizes = [  # n in h w out k s p output_padding
        (2, 3, 1, 1, 2, 4, 1, 0, 0), (1, 3, 4, 3, 2, 4, 2, 1, 0), (2, 2, 3, 3, 2, 3, 1, 1, 0), (1, 2, 3, 2, 3, 5, 2, 2, 1),
        (1, 2, 3, 3, 1, 3, 3, 0, 2)]
    for k, (n, i, h, w, o, kern, s, p, extra) in enumerate(sizes):
        f = lambda x, g: F.conv_transpose2d(x, g, stride=s, padding=p, output_padding=extra)
        oh, ow = ((size - 1) * s - 2 * p + kern + extra for size in (h, w))
        case(out, "conv_transpose2d.%d" % k, f, [uniform(-1, 1, n, i, h, w), uniform(-1, 1, i, o, kern, kern)], par=(s, s, p, p, oh, ow))


def composed(out):
    norm = lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=1e-5)
    case(out, "batch_norm_4d", norm, [uniform(-2, 2, 3, 2, 3, 2), uniform(0.5, 1.5, 2), uniform(-1, 1, 2)])
    case(out, "batch_norm_2d", norm, [uniform(-2, 2, 7, 3), uniform(0.5, 1.5, 3), uniform(-1, 1, 3)])
    case(out, "bce_logits", lambda x, t: F.binary_cross_entropy_with_logits(x, t), [uniform(-3, 3, 9)], [uniform(0, 1, 9)])

    def vae(logits, mu, logvar, x):
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (bce - 0.5 * (1 + logvar - mu * mu - logvar.exp()).sum()) / logits.shape[0]

    case(out, "vae_loss", vae, [uniform(-3, 3, 3, 11), uniform(-2, 2, 3, 4), uniform(-2, 1, 3, 4)], [uniform(0, 1, 3, 11)])

    def penalty(w0, w1, w2, x):
        x = x.clone().requires_grad_(True)
        y = F.leaky_relu(F.conv2d(x, w0, stride=2, padding=1), float(np.float32(0.2)))
        y = F.conv2d(F.leaky_relu(F.conv2d(y, w1, stride=2, padding=1), float(np.float32(0.2))), w2)
        g, = torch.autograd.grad(y.sum(), x, create_graph=True)
        out["penalty.gx"] = g
        return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()

    case(out, "penalty", penalty, [uniform(-0.5, 0.5, 4, 1, 4, 4), uniform(-0.5, 0.5, 3, 4, 4, 4), uniform(-1, 1, 1, 3, 2, 2)], [uniform(-1, 1, 3, 1, 8, 8)])


# ---- Training runs ---------------------------------------------------------------------------------------------------


def pictures(n, size):
    """Bright blobs on black, with something of a digit's statistics."""
    y, x = np.mgrid[0:size, 0:size] / size
    images = np.zeros((n, size, size))
    for image in images:
        for _ in range(5):
            cy, cx, s = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.04, 0.15)
            image += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
    return np.clip(images * 255, 0, 255).astype(np.uint8)


def keep(out, prefix, module):
    for key, value in module.state_dict().items():
        out[prefix + key] = value.clone()


def batch_of(images, step):
    return torch.tensor(images[8 * (step % 3):8 * (step % 3) + 8], dtype=torch.get_default_dtype())


def dcgan(dtype):
    global rng
    rng = np.random.RandomState(1)
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    nz, f = 16, 8
    G = nn.Sequential(nn.ConvTranspose2d(nz, f*4, 4, 1, 0, bias=False), nn.BatchNorm2d(f*4), nn.ReLU(True),
                      nn.ConvTranspose2d(f*4, f*2, 4, 2, 1, bias=False), nn.BatchNorm2d(f*2), nn.ReLU(True),
                      nn.ConvTranspose2d(f*2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(True),
                      nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())
    D = nn.Sequential(nn.Conv2d(1, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
                      nn.Conv2d(f, f*2, 4, 2, 1, bias=False), nn.BatchNorm2d(f*2), nn.LeakyReLU(0.2, True),
                      nn.Conv2d(f*2, f*4, 4, 2, 1, bias=False), nn.BatchNorm2d(f*4), nn.LeakyReLU(0.2, True),
                      nn.Conv2d(f*4, 1, 4, 1, 0, bias=False))
    out = {"images": pictures(24, 32)[:, None], "latents": rng.randn(10, 8, nz).astype(np.float32)}
    torch.set_default_dtype(dtype)
    G, D = G.to(dtype), D.to(dtype)
    keep(out, "init.G.", G)
    keep(out, "init.D.", D)
    oD, oG = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999)), torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    L, one, zero, losses = nn.BCEWithLogitsLoss(), torch.ones(8), torch.zeros(8), []
    for step in range(10):
        x, z = batch_of(out["images"], step) / 127.5 - 1, torch.tensor(out["latents"][step], dtype=dtype)[:, :, None, None]
        oD.zero_grad()
        fake = G(z)
        real_loss, fake_loss = L(D(x).view(-1), one), L(D(fake.detach()).view(-1), zero)
        (real_loss + fake_loss).backward()
        oD.step()
        oG.zero_grad()
        g_loss = L(D(fake).view(-1), one)
        g_loss.backward()
        oG.step()
        losses.append([real_loss.item(), fake_loss.item(), g_loss.item()])
    for k, name in enumerate(("loss_D_real", "loss_D_fake", "loss_G")):
        out[name] = np.array(losses)[:, k]
    keep(out, "final.G.", G)
    keep(out, "final.D.", D)
    out["samples"] = G.eval()(torch.tensor(out["latents"][0, :2], dtype=dtype)[:, :, None, None])
    return out


class VAE(nn.Module):
    def __init__(self, pixels, hidden, latent):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(pixels, hidden), nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.fc3, self.fc4 = nn.Linear(latent, hidden), nn.Linear(hidden, pixels)

    def forward(self, x, eps):
        h = F.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        return self.fc4(F.relu(self.fc3(mu + eps * torch.exp(0.5 * logvar)))), mu, logvar


def vae(dtype):
    global rng
    rng = np.random.RandomState(2)
    torch.manual_seed(2)
    torch.set_default_dtype(torch.float32)
    model = VAE(784, 16, 4)
    out = {"images": pictures(24, 28).reshape(24, 784), "eps": rng.randn(10, 8, 4).astype(np.float32)}
    torch.set_default_dtype(dtype)
    model = model.to(dtype)
    keep(out, "init.", model)
    adam, losses = torch.optim.Adam(model.parameters(), 1e-3), []
    for step in range(10):
        x = batch_of(out["images"], step) / 255
        logits, mu, logvar = model(x, torch.tensor(out["eps"][step], dtype=dtype))
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 8
        kl = -0.5 * (1 + logvar - mu * mu - logvar.exp()).sum() / 8
        adam.zero_grad()
        (bce + kl).backward()
        adam.step()
        losses.append([(bce + kl).item(), bce.item(), kl.item()])
    for k, name in enumerate(("loss", "bce", "kl")):
        out[name] = np.array(losses)[:, k]
    keep(out, "final.", model)
    return out


class Classifier(nn.Module):
    def __init__(self, size, f, features, classes):
        super().__init__()
        stages, channels = 0, 1
        while size >= 6:
            stages, out = stages + 1, f * min(2 ** stages, 8)
            self.add_module("conv%d" % stages, nn.Conv2d(channels, out, 4, 2, 1, bias=False))
            self.add_module("bn%d" % stages, nn.BatchNorm2d(out))
            channels, size = out, size // 2
        self.count = stages
        self.fc1, self.fc2 = nn.Linear(channels * size * size, features), nn.Linear(features, classes)

    def features(self, x):
        for i in range(1, self.count + 1):
            x = F.relu(getattr(self, "bn%d" % i)(getattr(self, "conv%d" % i)(x)))
        return F.relu(self.fc1(x.flatten(1)))

    def forward(self, x):
        return self.fc2(self.features(x))


def classifier(dtype):
    global rng
    rng = np.random.RandomState(3)
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float32)
    model = Classifier(12, 4, 6, 5)
    out = {"images": pictures(24, 12)[:, None], "labels": rng.randint(0, 5, 24).astype(np.int64)}
    torch.set_default_dtype(dtype)
    model = model.to(dtype)
    keep(out, "init.", model)
    adam, losses = torch.optim.Adam(model.parameters(), 1e-3), []
    for step in range(10):
        x, y = batch_of(out["images"], step) / 255, torch.tensor(out["labels"][8 * (step % 3):8 * (step % 3) + 8])
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append([loss.item(), (logits.argmax(1) == y).double().mean().item()])
    out["loss"], out["accuracy"] = np.array(losses).T
    keep(out, "final.", model)
    model.eval()
    x = batch_of(out["images"], 0) / 255
    out["features"], out["probabilities"] = model.features(x), F.softmax(model(x), 1)
    return out


def compare(name, run):
    """How far PyTorch's own float is from the double that is stored."""
    single, double = run(torch.float32), run(torch.float64)
    worst = max((float(np.abs(np.asarray(single[k].detach() if torch.is_tensor(single[k]) else single[k], dtype=np.float64) - np.asarray(double[k].detach() if torch.is_tensor(double[k]) else double[k], dtype=np.float64)).max()), k) for k in double if k.startswith("final"))
    loss = max(float(np.abs(single[k] - double[k]).max() / max(np.abs(double[k]).max(), 1e-30)) for k in double if k in ("loss", "bce", "kl") or k.startswith("loss"))
    print(name + ": float differs from double by %.2g (%s) in the weights, %.2g in the losses" % (*worst, loss))
    return double


def main():
    ops = {}
    torch.set_default_dtype(torch.float64)
    for part in elementwise, shapes, linear, composed:
        part(ops)
    save("ops.safetensors", ops, "operations, their first and second derivatives")
    save("dcgan.safetensors", compare("dcgan", dcgan), "ten training steps of a small DCGAN")
    save("classifier.safetensors", compare("classifier", classifier), "ten training steps of a small classifier")
    save("vae.safetensors", compare("vae", vae), "ten training steps of a small VAE")


torch.set_num_threads(1)
if __name__ == "__main__":
    main()
