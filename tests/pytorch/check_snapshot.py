"""Checks that a snapshot of clgen is PyTorch's: strict load_state_dict into the networks of the DCGAN script, of PyTorch's VAE
example or of networks.py beside this file, and the same images from the same latents. Not part of the tests. Needs PyTorch and NumPy, and `clgen`.
Usage: check_snapshot.py CLGEN network-snapshot-NNNNNN.safetensors [--device SPEC]

clgen writes bytes, PyTorch makes floats. A float y on [-1,1] (GAN) or [0,1] (VAE) is at b = 127.5 y + 127.5 or 255 y on the scale
of bytes; clgen's byte must be the nearest one to b, that is |byte - b| <= 0.5 + 255 * 1e-4: the images agree to 1e-4 of their
range, wherever rounding allows a look."""
import argparse, json, os, struct, subprocess, sys, tempfile
import numpy as np
import torch, torch.nn as nn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import networks

a = argparse.ArgumentParser()
a.add_argument("clgen")
a.add_argument("snapshot")
a.add_argument("--device", default="")
a.add_argument("--num", type=int, default=64)
a = a.parse_args()


def load(path):
    raw = open(path, "rb").read()
    size, = struct.unpack("<Q", raw[:8])
    header, tensors = json.loads(raw[8:8 + size]), {}
    types = {"F32": np.float32, "I64": np.int64}
    for name, t in header.items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            value = np.frombuffer(raw[8 + size + begin:8 + size + end], types[t["dtype"]]).reshape(t["shape"])
            tensors[name] = torch.tensor(value)
    return tensors, json.loads(header["__metadata__"]["clgen.cfg"])


def generator(c):
    """The Sequential of the usual script, for 32x32 and 64x64."""
    f, layers = c["ngf"] * c["height"] // 8, []
    layers += [nn.ConvTranspose2d(c["nz"], f, 4, 1, 0, bias=False), nn.BatchNorm2d(f), nn.ReLU(True)]
    while f > c["ngf"]:
        layers += [nn.ConvTranspose2d(f, f // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f // 2), nn.ReLU(True)]
        f //= 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(f, c["channels"], 4, 2, 1, bias=False), nn.Tanh())


def discriminator(c):
    f, layers = c["ndf"], [nn.Conv2d(c["channels"], c["ndf"], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    while f < c["ndf"] * c["height"] // 8:
        layers += [nn.Conv2d(f, 2 * f, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * f), nn.LeakyReLU(0.2, True)]
        f *= 2
    return nn.Sequential(*layers, nn.Conv2d(f, 1, 4, 1, 0, bias=False))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        pixels, h, z = c["channels"] * c["height"] * c["width"], c["hidden"], c["nz"]
        self.fc1, self.fc21, self.fc22 = nn.Linear(pixels, h), nn.Linear(h, z), nn.Linear(h, z)
        self.fc3, self.fc4 = nn.Linear(z, h), nn.Linear(h, pixels)

    def decode(self, z):
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))


class Conv(nn.Module):
    def __init__(self, c):
        super().__init__()
        f, h, w = c["ngf"], c["height"] // 4, c["width"] // 4
        self.conv1, self.conv2 = nn.Conv2d(c["channels"], f, 4, 2, 1), nn.Conv2d(f, 2 * f, 4, 2, 1)
        self.fc21, self.fc22 = nn.Linear(2 * f * h * w, c["nz"]), nn.Linear(2 * f * h * w, c["nz"])
        self.fc3, self.shape = nn.Linear(c["nz"], 2 * f * h * w), (-1, 2 * f, h, w)
        self.deconv1 = nn.ConvTranspose2d(2 * f, f, 4, 2, 1)
        self.deconv2 = nn.ConvTranspose2d(f, c["channels"], 4, 2, 1)

    def decode(self, z):
        x = torch.relu(self.fc3(z)).reshape(self.shape)
        return torch.sigmoid(self.deconv2(torch.relu(self.deconv1(x))))


tensors, c = load(a.snapshot)
part = lambda prefix: {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}
z = np.random.RandomState(1).randn(a.num, c["nz"]).astype(np.float32)
with torch.no_grad():
    if c["arch"] == "dcgan":
        D = discriminator(c)
        D.load_state_dict(part("D."))
        generator(c).load_state_dict(part("G."))
        G = generator(c)
        G.load_state_dict(part("G_ema."))
        scaled = G.eval()(torch.tensor(z)[:, :, None, None]).double().numpy() * 127.5 + 127.5
    elif c["arch"] in ("resnet", "style"):
        G, D = {"resnet": (networks.ResNetG, networks.ResNetD), "style": (networks.StyleG, networks.StyleD)}[c["arch"]]
        D(c).load_state_dict(part("D."))
        G(c).load_state_dict(part("G."))
        G = G(c)
        G.load_state_dict(part("G_ema."))
        labels = torch.zeros(a.num, dtype=torch.long) if "cond" in c else None
        scaled = G.eval()(torch.tensor(z), labels).double().numpy() * 127.5 + 127.5
    elif c["arch"] == "vae-res":
        model = networks.ResidualVAE(c)
        model.load_state_dict(tensors)
        scaled = torch.sigmoid(model.decode(torch.tensor(z))).double().numpy() * 255
    else:
        model = MLP(c) if c["arch"] == "vae-mlp" else Conv(c)
        model.load_state_dict(tensors)
        scaled = model.decode(torch.tensor(z)).double().numpy().reshape(a.num, c["channels"], c["height"], c["width"]) * 255
with tempfile.TemporaryDirectory() as folder:
    latents, images = os.path.join(folder, "z.npy"), os.path.join(folder, "images.npy")
    np.save(latents, z)
    device = ["--device", a.device] if a.device else []
    device += ["--class", "0"] if "cond" in c else []
    subprocess.check_call([a.clgen, "generate", "--network", a.snapshot, "--latents", latents, "--npy", images] + device)
    made = np.load(images)
assert made.dtype == np.uint8
made = made[:, None] if made.ndim == 3 else made.transpose(0, 3, 1, 2)
assert made.shape == scaled.shape, (made.shape, scaled.shape)
off = np.abs(made - np.clip(scaled, 0, 255)).max() - 0.5  # a network of styles is not bound to the range
print("%s: %d tensors load, %d images %s; beyond rounding the bytes are off by %.3g of 255 = %.2g of the range (contrast %.1f)" % (
    c["arch"], len(tensors), a.num, made.shape[1:], max(off, 0), max(off, 0) / 255, made.std()))
raise SystemExit(0 if off <= 255 * 1e-4 and made.std() > 5 else 1)
