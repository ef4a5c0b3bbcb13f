#!/usr/bin/env python3
"""Makes what test_image.c compares with, from numpy, zlib and Pillow (9.4). The tests only read it.

    /usr/bin/python3 make_images.py

pngsuite.txt: a line for each valid file of ../data/pngsuite: name, width, height, channels, CRC-32 of its RGBA bytes. The
  pixels come from the small PNG decoder below, written from the specification, without libpng; where Pillow decodes a file
  without loss (no 16 bits), the two are compared here. channels: what clgen/image.h promises, the fewest that hold it.
images.safetensors: resize.N.in and resize.N.out, U8 (height, width, channels): Pillow's bicubic resampling in float,
  colours multiplied by alpha before and divided by it after; jpeg.NAME: the pixels of ../data/jpeg/NAME.jpg, which are
  made here too (Pillow's decoder; CMYK becomes RGB as ink * black).
"""
import glob, json, os, struct, zlib
import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")


def unfilter(raw, rows, stride, bpp):
    out, prior, at = [], [0] * stride, 0
    for _ in range(rows):
        kind, line = raw[at], list(raw[at + 1:at + 1 + stride])
        at += 1 + stride
        for i in range(stride):
            a = line[i - bpp] if i >= bpp else 0
            b, c = prior[i], prior[i - bpp] if i >= bpp else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        out.append(line)
        prior = line
    return out, at


def samples(line, depth, n):
    if depth == 8:
        return line[:n]
    if depth == 16:
        return [line[2 * i] << 8 | line[2 * i + 1] for i in range(n)]
    per = 8 // depth
    return [line[i // per] >> (8 - depth * (i % per + 1)) & ((1 << depth) - 1) for i in range(n)]


def decode(data):
    """(colour type, RGBA uint8 (height, width, 4))"""
    at, chunks = 8, []
    while at < len(data):
        n, = struct.unpack(">I", data[at:at + 4])
        chunks.append((data[at + 4:at + 8], data[at + 8:at + 8 + n]))
        at += 12 + n
    get = dict((k, v) for k, v in chunks)
    w, h, depth, kind, _, _, lace = struct.unpack(">IIBBBBB", get[b"IHDR"])
    c = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    raw = zlib.decompress(b"".join(v for k, v in chunks if k == b"IDAT"))
    px = np.zeros((h, w, c), np.int64)
    passes = [(0, 0, 1, 1)] if not lace else [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    for x0, y0, dx, dy in passes:
        pw, ph = len(range(x0, w, dx)), len(range(y0, h, dy))
        if not pw or not ph:
            continue
        lines, used = unfilter(raw, ph, (pw * c * depth + 7) // 8, max(1, c * depth // 8))
        raw = raw[used:]
        px[y0::dy, x0::dx] = np.array([samples(l, depth, pw * c) for l in lines]).reshape(ph, pw, c)
    top = (1 << depth) - 1
    rgba = np.full((h, w, 4), 255, np.uint8)
    trns = get.get(b"tRNS")
    if kind == 3:
        palette = np.frombuffer(get[b"PLTE"], np.uint8).reshape(-1, 3)
        alpha = np.full(len(palette), 255, np.uint8)
        if trns:
            alpha[:len(trns)] = np.frombuffer(trns, np.uint8)
        rgba[..., :3], rgba[..., 3] = palette[px[..., 0]], alpha[px[..., 0]]
        return kind, rgba
    byte = ((px * 255 * 2 + top) // (2 * top)).astype(np.uint8)  # v * 255 / top, rounded
    rgba[..., :3] = byte[..., :3] if kind in (2, 6) else byte[..., :1]
    if kind in (4, 6):
        rgba[..., 3] = byte[..., -1]
    elif trns:
        key = np.array(struct.unpack(">%dH" % c, trns[:2 * c]))
        rgba[..., 3] = np.where((px == key).all(-1), 0, 255)
    return kind, rgba


def channels(kind, rgba, has_trns):
    if kind == 6:
        return 4
    if kind == 2:
        return 4 if has_trns else 3
    grey = (rgba[..., 0] == rgba[..., 1]).all() and (rgba[..., 1] == rgba[..., 2]).all()
    return (1 if grey else 3) + (0 if (rgba[..., 3] == 255).all() else 1)


def pngsuite():
    compared = 0
    with open(os.path.join(HERE, "pngsuite.txt"), "w") as f:
        for path in sorted(glob.glob(os.path.join(DATA, "pngsuite", "*.png"))):
            name = os.path.basename(path)
            if name[0] == "x":
                continue
            data = open(path, "rb").read()
            kind, rgba = decode(data)
            if data[24] < 16:  # bit depth
                other = Image.open(path)
                if other.mode == "1":
                    other = other.convert("L")
                assert (np.array(other.convert("RGBA")) == rgba).all() or (kind == 0 and b"tRNS" in data), name
                compared += 1
            f.write("%s %d %d %d %08x\n" % (name, rgba.shape[1], rgba.shape[0], channels(kind, rgba, b"tRNS" in data), zlib.crc32(rgba.tobytes())))
    print(compared, "files of PngSuite agree with Pillow")


def picture(h, w, c, seed):
    """Waves and noise; alpha (the last of an even number of channels) has both ends."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[0:h, 0:w]
    out = np.stack([127 + 90 * np.sin(x / (2.0 + k) + k) * np.cos(y / (3.0 + k)) for k in range(c)], -1) + rng.randint(-37, 38, (h, w, c))
    if c % 2 == 0:
        out[..., -1] = out[..., -1] * 2 - 127
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def resize(a, h, w):
    c, x = a.shape[2], a.astype(np.float32)
    if c % 2 == 0:
        x[..., :-1] *= x[..., -1:] / np.float32(255)
    x = np.stack([np.array(Image.fromarray(x[..., k], "F").resize((w, h), Image.BICUBIC)) for k in range(c)], -1)
    if c % 2 == 0:
        alpha = x[..., -1:]
        with np.errstate(all="ignore"):
            x[..., :-1] = np.where(alpha > 0.5, x[..., :-1] * 255 / alpha, 0)
    return np.floor(np.clip(x, 0, 255) + 0.5).astype(np.uint8)


def resizes(out):
    cases = [((28, 28, 1), (32, 32)), ((48, 64, 3), (16, 16)), ((37, 53, 4), (8, 11)), ((5, 3, 3), (20, 40)),
             ((1, 100, 1), (1, 10)), ((40, 40, 2), (13, 40)), ((1, 1, 3), (4, 4)), ((64, 64, 4), (33, 32)), ((7, 9, 4), (21, 18))]
    for n, ((h, w, c), (oh, ow)) in enumerate(cases):
        a = picture(h, w, c, n)
        out["resize.%d.in" % n], out["resize.%d.out" % n] = a, resize(a, oh, ow)


def jpegs(out):
    folder = os.path.join(DATA, "jpeg")
    smooth = np.clip(picture(24, 40, 4, 100).astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    rgb, grey, cmyk = Image.fromarray(smooth[..., :3]), Image.fromarray(smooth[..., 0]), Image.fromarray(smooth, "CMYK")
    for name, im, how in [("rgb", rgb, dict(quality=95, subsampling=0)), ("rgb420", rgb, dict(quality=80, subsampling=2)),
                          ("progressive", rgb, dict(quality=90, progressive=True)), ("grey", grey, dict(quality=90)), ("cmyk", cmyk, dict(quality=95))]:
        path = os.path.join(folder, name + ".jpg")
        im.save(path, "JPEG", **how)
        a = np.array(Image.open(path)).astype(int)
        if name == "cmyk":  # Pillow undoes Adobe's inversion: 0 is no ink
            a = ((255 - a[..., :3]) * (255 - a[..., 3:]) + 127) // 255
        out["jpeg." + name] = a.reshape(24, 40, -1).astype(np.uint8)


def save(path, tensors):
    head, data = {"__metadata__": {"made by": "make_images.py"}}, b""
    for name, a in tensors.items():
        head[name] = {"dtype": "U8", "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.size]}
        data += a.tobytes()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


tensors = {}
pngsuite()
resizes(tensors)
jpegs(tensors)
save(os.path.join(HERE, "images.safetensors"), tensors)
