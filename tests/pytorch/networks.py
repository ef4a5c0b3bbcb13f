"""The networks of clgen train --cfg resnet, style and vae-res as PyTorch modules, whose state dicts are those of its snapshots."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm


class ConditionalBatchNorm(nn.BatchNorm2d):
    def __init__(self, classes, channels):
        super().__init__(channels, affine=False)
        self.gamma, self.beta = nn.Embedding(classes, channels), nn.Embedding(classes, channels)

    def forward(self, x, labels):
        return super().forward(x) * self.gamma(labels)[:, :, None, None] + self.beta(labels)[:, :, None, None]


def joined(c):
    """How many numbers a class adds to the latent, and how many planes to D's images."""
    return (c["classes"] if c.get("cond") in ("concat", "acgan") else 0, c["classes"] if c.get("cond") == "concat" else 0)


def with_planes(c, x, labels):
    if not joined(c)[1]:
        return x
    return torch.cat([x, one_hot(c, labels, x)[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def one_hot(c, labels, like):
    return F.one_hot(labels, c["classes"]).to(like.dtype)


def add_class_head(module, c, features, linear=nn.Linear):
    if c.get("cond") == "projection":
        module.embed = nn.Embedding(c["classes"], features)
    if c.get("cond") == "acgan":
        module.aux = linear(features, c["classes"])


class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c, max(4, c // 16)), nn.Linear(max(4, c // 16), c)

    def forward(self, x):
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return x * s[:, :, None, None]


class Residual(nn.Module):
    def __init__(self, cin, cout, resample=None, norm=None, slope=0.0, first=False, squeeze=False):
        super().__init__()
        between = cin if resample == "down" and not first else cout
        self.resample, self.slope, self.first = resample, slope, first
        self.norm1 = norm(cin) if norm and not first else None
        self.conv1 = nn.Conv2d(cin, between, 3, 1, 1, bias=norm is None)
        self.norm2 = norm(between) if norm else None
        self.conv2 = nn.Conv2d(between, cout, 3, 1, 1)
        self.shortcut = nn.Conv2d(cin, cout, 1) if resample or cin != cout else None
        self.se = SqueezeExcite(cout) if squeeze else None

    def activate(self, x, norm, labels):
        if norm is not None:
            x = norm(x, labels) if labels is not None else norm(x)
        return F.leaky_relu(x, self.slope)

    def up(self, x):
        return F.interpolate(x, scale_factor=2) if self.resample == "up" else x

    def down(self, x):
        return F.avg_pool2d(x, 2) if self.resample == "down" else x

    def forward(self, x, labels=None):
        h = x if self.first else self.activate(x, self.norm1, labels)
        h = self.activate(self.conv1(self.up(h)), self.norm2, labels)
        h = self.down(self.conv2(h))
        if self.se is not None:
            h = self.se(h)
        s = self.up(x)
        return h + self.down(s if self.shortcut is None else self.shortcut(s))


# ---- ResNet GAN, 32x32 and 64x64 ----

def times(c, side):
    """How many times ngf or ndf a picture of so many pixels a side has channels."""
    return 1 if c["height"] == 32 else min(8, max(1, 64 // side))


NORMS = {"none": None, "spectral": None, "batch": nn.BatchNorm2d, "layer": lambda c: nn.GroupNorm(1, c),
         "instance": lambda c: nn.InstanceNorm2d(c, affine=True), "group": lambda c: group_norm(c)}


def group_norm(c):
    size = min(c, 16)
    while c % size:
        size -= 1
    return nn.GroupNorm(c // size, c)


class ResNetG(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.width, side, self.blocks = c["ngf"] * times(c, 4), 4, []
        self.fc, cin, self.c = nn.Linear(c["nz"] + joined(c)[0], self.width * 16), self.width, c
        norm = nn.BatchNorm2d
        if c.get("cond") == "projection":
            norm = lambda channels: ConditionalBatchNorm(c["classes"], channels)
        while side < c["height"]:
            side *= 2
            block = Residual(cin, c["ngf"] * times(c, side), "up", norm, squeeze=bool(c.get("se")))
            self.blocks.append(block)
            setattr(self, f"block{len(self.blocks)}", block)
            cin = c["ngf"] * times(c, side)
        self.norm, self.conv = norm(cin), nn.Conv2d(cin, c["channels"], 3, 1, 1)

    def forward(self, z, labels=None):
        if joined(self.c)[0]:
            z = torch.cat([z, one_hot(self.c, labels, z)], 1)
        x = self.fc(z).view(-1, self.width, 4, 4)
        by_class = labels if self.c.get("cond") == "projection" else None
        for block in self.blocks:
            x = block(x, by_class)
        x = self.norm(x) if by_class is None else self.norm(x, by_class)
        return torch.tanh(self.conv(F.relu(x)))


def verdict(module, last, features, labels):
    logits = last(features)[:, 0]
    if hasattr(module, "embed"):
        logits = logits + (module.embed(labels) * features).sum(1) * getattr(module, "embed_gain", 1)
    return (logits, module.aux(features)) if hasattr(module, "aux") else logits


class ResNetD(nn.Module):
    def __init__(self, c):
        super().__init__()
        cin, side, last, same, self.blocks = c["channels"] + joined(c)[1], c["height"], 8 if c["height"] == 32 else 4, 0, []
        norm = NORMS[c.get("d_norm", "none")]
        while same < last // 4:
            down = side > last
            side, same = (side // 2, same) if down else (side, same + 1)
            cout = c["ndf"] * times(c, 2 * side)
            block = Residual(cin, cout, "down" if down else None, norm, first=not self.blocks, squeeze=bool(c.get("se")))
            self.blocks.append(block)
            setattr(self, f"block{len(self.blocks)}", block)
            cin = cout
        self.fc, self.c = nn.Linear(cin, 1), c
        add_class_head(self, c, cin)
        if c.get("d_norm") == "spectral":
            for module in list(self.modules()):
                if isinstance(module, (nn.Linear, nn.Conv2d)):
                    spectral_norm(module)

    def forward(self, x, labels=None):
        """Logits; with an auxiliary classifier those of classes too."""
        x = with_planes(self.c, x, labels)
        for block in self.blocks:
            x = block(x)
        return verdict(self, self.fc, F.relu(x).mean((2, 3)), labels)


# ---- Residual VAE ----

class Blocks(nn.Module):
    def __init__(self, c, down):
        super().__init__()
        w, se = c["ngf"], bool(c.get("se"))
        widths = [w, 2 * w, 4 * w] if down else [4 * w, 2 * w, w]
        if down:
            self.conv = nn.Conv2d(c["channels"], w, 3, 1, 1)
        self.block1 = Residual(widths[0], widths[1], "down" if down else "up", group_norm, squeeze=se)
        self.block2 = Residual(widths[1], widths[2], "down" if down else "up", group_norm, squeeze=se)
        self.norm = group_norm(widths[2])
        if not down:
            self.conv = nn.Conv2d(w, c["channels"], 3, 1, 1)
        self.down = down

    def forward(self, x):
        x = F.relu(self.norm(self.block2(self.block1(self.conv(x) if self.down else x))))
        return x if self.down else self.conv(x)


class ResidualVAE(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.shape = (4 * c["ngf"], c["height"] // 4, c["width"] // 4)
        features = self.shape[0] * self.shape[1] * self.shape[2]
        self.encoder, self.decoder = Blocks(c, True), Blocks(c, False)
        self.fc21, self.fc22 = nn.Linear(features, c["nz"]), nn.Linear(features, c["nz"])
        self.fc3 = nn.Linear(c["nz"], features)

    def encode(self, x):
        h = self.encoder(x).flatten(1)
        return self.fc21(h), self.fc22(h)

    def decode(self, z):
        """Logits of pixels."""
        return self.decoder(self.fc3(z).view(-1, *self.shape))


# ---- Style ----

def act(x):
    return F.leaky_relu(x, 0.2) * 2 ** 0.5


class EqualLinear(nn.Module):
    """Equalised learning rate: Karras et al. 2018, section 4.1."""

    def __init__(self, cin, cout, multiplier=1.0, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(cout, cin) / multiplier)
        self.bias = nn.Parameter(torch.full([cout], bias))
        self.gain, self.multiplier = multiplier / cin ** 0.5, multiplier

    def forward(self, x):
        return F.linear(x, self.weight * self.gain, self.bias * self.multiplier)


class EqualConv(nn.Module):
    def __init__(self, cin, cout, kernel, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(cout, cin, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(cout)) if bias else None
        self.gain = 1 / (cin * kernel ** 2) ** 0.5

    def forward(self, x, down=False):
        x = F.conv2d(x, self.weight * self.gain, padding=self.weight.shape[-1] // 2)
        if down:
            x = F.avg_pool2d(x, 2)
        return x if self.bias is None else x + self.bias[:, None, None]


def smooth(x):
    """Twice as large by the filter (1, 3, 3, 1), and a pixel more all around."""
    f = torch.tensor([1, 3, 3, 1], dtype=x.dtype) / 4
    return F.conv_transpose2d(x, torch.outer(f, f).expand(x.shape[1], 1, 4, 4), stride=2, groups=x.shape[1])


class Modulated(nn.Module):
    """Weights of each image's own (Karras et al. 2020, equations 1 and 3), one image after the other."""

    def __init__(self, cin, cout, style, kernel, side=0, up=False):
        super().__init__()
        self.affine = EqualLinear(style, cin, bias=1.0)
        self.weight, self.bias = nn.Parameter(torch.randn(cout, cin, kernel, kernel)), nn.Parameter(torch.zeros(cout))
        self.gain, self.side, self.up = 1 / (cin * kernel ** 2) ** 0.5, side, up
        if side:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", torch.randn(side, side))

    def forward(self, x, w, noise=None):
        s, y = self.affine(w), []
        for image, scale in zip(x, s):
            weight = self.weight * self.gain * scale[:, None, None]
            if self.side:
                weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
            if self.up:
                y.append(F.conv2d(smooth(image[None]), weight))
            else:
                y.append(F.conv2d(image[None], weight, padding=weight.shape[-1] // 2))
        y = torch.cat(y)
        if self.side:
            y = y + (self.noise_const if noise is None else noise) * self.noise_strength
        y = y + self.bias[:, None, None]
        return act(y) if self.side else y


def style_width(channels, height, side):
    return channels * min(8, height // side)


class StyleG(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.mapping, self.synthesis = nn.Module(), nn.Module()
        self.layers, nz, self.told = c.get("mapping_layers", 4), c["nz"], bool(c.get("cond"))
        for i in range(self.layers):
            setattr(self.mapping, f"fc{i}", EqualLinear(nz if i or not self.told else 2 * nz, nz, 0.01))
        if self.told:
            self.mapping.embed = nn.Embedding(c["classes"], nz)
        self.mapping.register_buffer("w_avg", torch.zeros(nz))
        self.sides, cin = [], style_width(c["ngf"], c["height"], 4)
        while not self.sides or self.sides[-1] < c["height"]:
            side = 2 * self.sides[-1] if self.sides else 4
            self.sides.append(side)
            cout, block = style_width(c["ngf"], c["height"], side), nn.Module()
            if side == 4:
                block.const = nn.Parameter(torch.randn(cin, 4, 4))
            else:
                block.conv0 = Modulated(cin, cout, nz, 3, side, up=True)
            block.conv1, block.torgb = Modulated(cout, cout, nz, 3, side), Modulated(cout, c["channels"], nz, 1)
            setattr(self.synthesis, f"b{side}", block)
            cin = cout

    def map(self, z, labels=None):
        to_length = lambda x: x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        x = to_length(z)
        if self.told:
            x = torch.cat([x, to_length(self.mapping.embed(labels))], 1)
        for i in range(self.layers):
            x = act(getattr(self.mapping, f"fc{i}")(x))
        return x

    def forward(self, z, labels=None, truncation=1.0, fine=None, fine_from=0):
        w = [self.map(z, labels)] * (2 * len(self.sides))
        if fine is not None:
            w[fine_from:] = [self.map(fine, labels)] * (len(w) - fine_from)
        return self.synthesise([self.mapping.w_avg + truncation * (v - self.mapping.w_avg) for v in w])

    def synthesise(self, w, noise=lambda layer, side: None):
        """Of the style of each layer; noise: what is drawn for a layer, or None for its own."""
        for i, side in enumerate(self.sides):
            block = getattr(self.synthesis, f"b{side}")
            if i:
                x = block.conv0(x, w[2 * i - 1], noise(2 * i - 1, side))
            else:
                x = block.const.expand(len(w[0]), -1, -1, -1)
            x = block.conv1(x, w[2 * i], noise(2 * i, side))
            rgb = block.torgb(x, w[2 * i + 1])
            image = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False) + rgb if i else rgb
        return image


class StyleD(nn.Module):
    def __init__(self, c):
        super().__init__()
        side, cin, self.c = c["height"], c["ndf"], c
        self.sides = []
        while side > 4:
            block, cout = nn.Module(), style_width(c["ndf"], c["height"], side // 2)
            if not self.sides:
                block.fromrgb = EqualConv(c["channels"] + joined(c)[1], cin, 1)
            block.conv0, block.conv1 = EqualConv(cin, cin, 3), EqualConv(cin, cout, 3)
            block.skip = EqualConv(cin, cout, 1, bias=False)
            setattr(self, f"b{side}", block)
            self.sides.append(side)
            side, cin = side // 2, cout
        self.b4 = nn.Module()
        self.b4.conv, self.b4.fc, self.b4.out = EqualConv(cin + 1, cin, 3), EqualLinear(cin * 16, cin), EqualLinear(cin, 1)

        add_class_head(self, c, cin, EqualLinear)
        self.embed_gain = cin ** -0.5

    def forward(self, x, labels=None):
        x = with_planes(self.c, x, labels)
        for i, side in enumerate(self.sides):
            block = getattr(self, f"b{side}")
            if not i:
                x = act(block.fromrgb(x))
            h = act(block.conv1(act(block.conv0(x)), down=True))
            x = (block.skip(x, down=True) + h) * 0.5 ** 0.5
        group = next(g for g in (4, 3, 2, 1) if len(x) % g == 0)
        y = x.reshape(group, -1, *x.shape[1:])
        y = ((y - y.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
        y = y.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        x = act(self.b4.conv(torch.cat([x, y], 1)))
        return verdict(self, self.b4.out, act(self.b4.fc(x.flatten(1))), labels)
