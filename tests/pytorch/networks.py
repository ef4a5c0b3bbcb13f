"""The networks of clgen train --cfg resnet and vae-res as PyTorch modules, whose state dicts are those of its snapshots."""
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
        self.fc, cin = nn.Linear(c["nz"], self.width * 16), self.width
        while side < c["height"]:
            side *= 2
            block = Residual(cin, c["ngf"] * times(c, side), "up", nn.BatchNorm2d, squeeze=bool(c.get("se")))
            self.blocks.append(block)
            setattr(self, f"block{len(self.blocks)}", block)
            cin = c["ngf"] * times(c, side)
        self.norm, self.conv = nn.BatchNorm2d(cin), nn.Conv2d(cin, c["channels"], 3, 1, 1)

    def forward(self, z):
        x = self.fc(z).view(-1, self.width, 4, 4)
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.conv(F.relu(self.norm(x))))


class ResNetD(nn.Module):
    def __init__(self, c):
        super().__init__()
        cin, side, last, same, self.blocks = c["channels"], c["height"], 8 if c["height"] == 32 else 4, 0, []
        norm = NORMS[c.get("d_norm", "none")]
        while same < last // 4:
            down = side > last
            side, same = (side // 2, same) if down else (side, same + 1)
            cout = c["ndf"] * times(c, 2 * side)
            block = Residual(cin, cout, "down" if down else None, norm, first=not self.blocks, squeeze=bool(c.get("se")))
            self.blocks.append(block)
            setattr(self, f"block{len(self.blocks)}", block)
            cin = cout
        self.fc = nn.Linear(cin, 1)
        if c.get("d_norm") == "spectral":
            for module in list(self.modules()):
                if isinstance(module, (nn.Linear, nn.Conv2d)):
                    spectral_norm(module)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.fc(F.relu(x).mean((2, 3)))[:, 0]


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
