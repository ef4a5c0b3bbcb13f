#!/usr/bin/python3
"""Writes the seeds in tests/fuzz/corpus: make_seeds.py FOLDER [RUN]. Python's own library is enough.

RUN: the folder of a small run, whose files become seeds too:
clgen train --data examples/mnist --cfg vae-mlp --hidden 2 --nz 1 --res 8 --device host --kimg 3 --tick 1 --snap 3 --outdir r
"""
import gzip, io, json, os, struct, sys, zipfile, zlib

root = sys.argv[1]


def put(target, name, data):
    folder = os.path.join(root, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def idx(*shape, fill=None):
    n = 1
    for s in shape:
        n *= s
    return struct.pack(">BBBB", 0, 0, 8, len(shape)) + b"".join(struct.pack(">I", s) for s in shape) + \
        (fill or bytes(i * 37 % 256 for i in range(n)))[:n]


def pair(images, labels=b""):
    return struct.pack("<H", len(labels)) + labels + images


put("idx", "grey", pair(idx(3, 2, 2)))
put("idx", "labels", pair(idx(3, 2, 2), idx(3, fill=b"\0\1\2")))
put("idx", "rgb", pair(idx(2, 3, 3, 3), idx(2, fill=b"\1\0")))
put("idx", "alpha", pair(idx(2, 2, 2, 4)))
put("idx", "binary", pair(idx(2, 4, 4, fill=b"\0\1" * 16)))
put("idx", "gzip", pair(gzip.compress(idx(4, 4, 4), mtime=0), gzip.compress(idx(4, fill=b"\0\1\2\2"), mtime=0)))
put("idx", "ints", pair(struct.pack(">BBBBII", 0, 0, 12, 2, 1, 1) + b"\0\0\0\1"))

record = bytes([3]) + bytes(i % 256 for i in range(3072))
put("cifar", "one", record)
put("cifar", "two", record + bytes([9]) + bytes(3072))


def npy(descr, shape, data, fortran=False, version=1):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, shape)
    size = 2 if version == 1 else 4
    pad = -(8 + size + len(head) + 1) % 64
    head = head.encode() + b" " * pad + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head + data


images = bytes(range(48))
put("npy", "nhwc", npy("|u1", (4, 2, 2, 3), images))
put("npy", "nchw", npy("|u1", (4, 3, 2, 2), images))
put("npy", "nhw", npy("|u1", (3, 4, 4), images))
put("npy", "fortran", npy("|u1", (3, 4, 4), images, fortran=True))
put("npy", "f4", npy("<f4", (1, 2, 2), struct.pack("<4f", 0, .25, .5, 1)))
put("npy", "f8", npy(">f8", (1, 2, 2), struct.pack(">4d", 0, 25, 50, 255)))
put("npy", "bool", npy("|b1", (1, 2, 2), b"\0\1\1\0", version=2))
put("npy", "i8", npy("<i8", (1, 2, 2), struct.pack("<4q", 0, 1, 2, 255), version=3))


def npz(members, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compress_type=method)
    return out.getvalue()


x, y = npy("|u1", (3, 4, 4), images), npy("<i8", (3,), struct.pack("<3q", 0, 1, 2))
for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
    put("npz", name, npz([("x_train.npy", x), ("y_train.npy", y)], method))
    put("npz", name + "_any", npz([("images.npy", npy("|u1", (4, 2, 2, 3), images)), ("labels.npy", npy("|u1", (4, 1), b"\0\0\1\2"))], method))
put("npz", "test_only", npz([("x_test.npy", npy("<f4", (1, 2, 2), struct.pack("<4f", 0, .25, .5, 1)))], zipfile.ZIP_DEFLATED))

put("labels_csv", "plain", "a.png,cat\nb.jpg,dog\nc/e.png,cat\n")
put("labels_csv", "headings", "id;split;species;x\n\"a\";train;\"a \"\"b\"\"; c\";1\r\nb.jpg;val;2;\r\n")
put("labels_csv", "tabs", "\ufefffilename\tlabel\n./a.png\t3\nc\\d.png\t5\n\n")
put("labels_csv", "numbers", "d, 1\na.png ,2\n\"b.jpg\"  , 65535\n")
put("dataset_json", "numbers", json.dumps({"labels": [["a.png", 0], ["c/d.png", 4], ["b.jpg", 2]]}))
put("dataset_json", "names", json.dumps({"labels": [["a.png", "cat"], ["./b.jpg", "\u00e9"], ["b.jpg", "\u00e9"]], "more": [1.5, None, {"a": [True]}]}))
put("dataset_json", "none", json.dumps({"labels": None}))

sizes = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U32": 4, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "U64": 8, "BOOL": 1}


def safetensors(tensors, meta=None):
    head, data = ({"__metadata__": meta} if meta else {}), b""
    for name, dtype, shape, body in tensors:
        n = sizes[dtype]
        for s in shape:
            n *= s
        body = body if body is not None else bytes(n)
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + n]}
        data += body
    text = json.dumps(head, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


put("safetensors", "empty", safetensors([]))
put("safetensors", "types", safetensors([(d.lower(), d, [2, 1], bytes((i * 67 + 5) % 256 for i in range(2 * s))) for d, s in sizes.items()], {"a": "b", "c": "\n\u00e9"}))
put("safetensors", "shapes", safetensors([("s", "F32", [], None), ("z", "F32", [0, 5], None), ("six", "U8", [1, 2, 1, 2, 1, 2], None)]))

counts = ("steps_since_report", "I64", [64], None)
step = ("step", "I64", [], struct.pack("<q", 7))
known = {"clgen.training": "c", "clgen.data": "d", "clgen.stats_lines": "3"}
put("state", "whole", safetensors([("G.param", "F32", [4], None), step, counts], known))
put("state", "more", safetensors([("G.param", "F32", [4], None), ("adam.m", "F64", [2, 2], None), ("D.stat", "F32", [3], None), step], known))
put("state", "wrong_shape", safetensors([("G.param", "F32", [2, 2], None), step, counts], known))
put("state", "lacking", safetensors([step, counts], known))


def classifier(size, ndf, hidden, classes, names=None):
    tensors, channels, side, i = [], 1, size, 1
    while side >= 6:
        out = min(ndf << (i - 1), 8 * ndf)
        tensors.append(("conv%d.weight" % i, "F32", [out, channels, 4, 4], None))
        for what in ("weight", "bias", "running_mean", "running_var"):
            tensors.append(("bn%d.%s" % (i, what), "F32", [out], None))
        channels, side, i = out, side // 2, i + 1
    tensors += [("fc1.weight", "F32", [hidden, channels * side * side], None), ("fc1.bias", "F32", [hidden], None),
                ("fc2.weight", "F32", [classes, hidden], None), ("fc2.bias", "F32", [classes], None)]
    meta = {"clgen.cfg": json.dumps({"arch": "classifier", "channels": 1, "height": size, "width": size, "ndf": ndf, "hidden": hidden, "classes": classes})}
    if names:
        meta["clgen.classes"] = json.dumps({"names": names, "counts": [1] * classes})
    return safetensors(tensors, meta)


put("snapshot", "classifier", classifier(8, 1, 2, 2))
put("snapshot", "classifier_names", classifier(12, 1, 2, 3, ["a", "b", "\u00e9"]))
small = {"ngf": 1, "ndf": 1, "nz": 2, "hidden": 2}
for name, arch, more in (("dcgan", "dcgan", {}), ("cond", "dcgan", {"cond": "acgan", "classes": 2}),
                         ("d_norm", "dcgan", {"d_norm": "batch", "minibatch": "std"}), ("resnet", "resnet", {"cond": "projection", "classes": 3}),
                         ("style", "style", {"mapping_layers": 1}), ("vae_gan", "vae-gan", {}),
                         ("vae_mlp", "vae-mlp", {"likelihood": "bernoulli"}), ("vae_conv", "vae-conv", {"scale": 1.5}), ("vae_res", "vae-res", {"se": 1})):
    put("snapshot", "config_" + name, safetensors([], {"clgen.cfg": json.dumps({"arch": arch, "channels": 1, "height": 32, "width": 32, **small, **more})}))
# Sizes beyond all files.
put("snapshot", "config_large", safetensors([], {"clgen.cfg": json.dumps({"arch": "dcgan", "channels": 3, "height": 64, "width": 64, "ngf": 1 << 20, "ndf": 1 << 20, "nz": 1 << 20, "hidden": 1 << 20})}))

start = {"version": 1, "name": "n", "input": {"channels": 1, "height": 4, "width": 4, "mean": 0.5, "std": [0.25]}}


def described(layers, features, **more):
    return json.dumps({**start, "layers": layers, "features": features, **more})


put("features", "conv", described([
    {"name": "c", "type": "conv2d", "bias": False, "stride": 2, "padding": 1}, {"name": "b", "type": "batch_norm", "eps": 1e-3},
    {"name": "r", "type": "relu"}, {"name": "g", "type": "global_avg_pool"}, {"name": "l", "type": "linear", "bias": "b.bias"}], "g", logits="l", classes=["a", "b"]))
put("features", "branches", described([
    {"name": "c", "type": "conv2d", "bias": False, "padding": "same"}, {"name": "d", "type": "conv2d", "bias": False, "input": "c"},
    {"name": "s", "type": "add", "inputs": ["c", "d"]}, {"name": "k", "type": "concat", "inputs": ["c", "d", "s"]},
    {"name": "p", "type": "max_pool", "kernel": 3, "stride": [2, 1], "padding": [1, 0]},
    {"name": "q", "type": "avg_pool", "kernel": [2, 2], "stride": 1, "padding": [0, 1, 0, 1], "count_include_pad": False},
    {"name": "f", "type": "flatten"}], "f"))
put("features", "activations", described([
    {"name": "c", "type": "conv2d", "bias": "b.bias", "padding": [1, 1]}, {"name": "a1", "type": "relu6"}, {"name": "a2", "type": "leaky_relu", "slope": 0.2},
    {"name": "a3", "type": "sigmoid"}, {"name": "a4", "type": "tanh"}, {"name": "a5", "type": "silu"}, {"name": "p", "type": "avg_pool", "kernel": 2},
    {"name": "f", "type": "flatten"}, {"name": "m", "type": "linear", "bias": False}], "f", logits="m"))

# What once was wrong: a size that did not fit 64 bits.
layers = [{"name": "c", "type": "conv2d", "bias": False}]
for k in range(12):
    layers.append({"name": "k%d" % k, "type": "concat", "inputs": [layers[-1]["name"]] * 64})
layers.append({"name": "g", "type": "global_avg_pool"})
put("../regressions/features", "concat_overflow", described(layers, "g"))

ticks = ""
for k in range(4):
    ticks += json.dumps({"tick": k, "step": 10 * k, "kimg": 0.5 * k, "time_s": 1.5 * k, "loss_g": 1.0 / (k + 1), "loss_d": -k, "grad_g": 10.0 ** -k, "images_per_s": 100, "test_accuracy": None}) + "\n"
event = json.dumps({"kimg": 1.0, "event": {"by": "plateau", "what": "lr", "from": 1e-3, "to": 5e-4, "reason": "no <better>"}}) + "\n"
put("stats", "ticks", ticks)
put("stats", "events", ticks + event + event.replace("plateau", "ada").replace("1.0", "1.5"))
put("stats", "went_back", ticks + ticks[len(ticks) // 2:])
put("stats", "half_line", ticks[:100] + ticks)
put("stats", "metric", "".join(json.dumps({"metric": "fid", "results": {"fid": 50.0 / (k + 1), "n": None}, "snapshot": "network-snapshot-%06d" % k, "kimg": k, "name": "fid[mnist-cnn]", "scores": {"fid": {"value": 1, "floor": {"value": 0.5}}}}) + "\n" for k in range(3)))
put("options", "dcgan", json.dumps({"data": "d", "cfg": "dcgan", "batch": 64, "kimg": 100, "lr": 2e-4, "seed": 1}))
put("options", "types", json.dumps({"data": "d", "cfg": "vae", "strict": True, "lr-schedule": "cosine", "metrics": "fid,kid", "background": "white", "ema": 0.5}))


def from_run(run):
    def content(name):
        with open(os.path.join(run, name), "rb") as f:
            return f.read()

    put("stats", "run", content("stats.jsonl"))
    put("options", "run", json.dumps({**json.loads(content("training_options.json")), "data": "d", "outdir": "r"}))
    put("snapshot", "run", content("network-snapshot-000003.safetensors"))
    state = content("training-state-000003.safetensors")
    n = struct.unpack("<Q", state[:8])[0]
    head = json.loads(state[8:8 + n])
    head["__metadata__"].update({"clgen.training": "c", "clgen.data": "d"})
    head["G.param"] = {"dtype": "F32", "shape": [4], "data_offsets": [len(state) - 8 - n, len(state) - 8 - n + 16]}
    text = json.dumps(head).encode()
    put("state", "run", struct.pack("<Q", len(text)) + text + state[8 + n:] + bytes(16))


if len(sys.argv) > 2:
    from_run(sys.argv[2])


def exif(order, entries, at=8):
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at) + bytes(at - 8) + struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        out += struct.pack(order + "HHIHH", tag, kind, count, value, 0)
    return out + bytes(4)


for k in (1, 6, 8):
    put("exif", "little_%d" % k, exif("<", [(0x0112, 3, 1, k)]))
put("exif", "big", exif(">", [(0x010f, 2, 4, 0), (0x0112, 3, 1, 3)], 12))
put("exif", "other_type", exif("<", [(0x0112, 4, 1, 3)]))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, raw, *before):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) + b"".join(before) + \
        chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


rgb = bytes(range(7)) * 2
put("png", "exif", png(2, 2, 8, 2, rgb, chunk(b"eXIf", exif(">", [(0x0112, 3, 1, 6)]))))
put("png", "chunks", png(2, 2, 8, 2, rgb, chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"sRGB", b"\0"), chunk(b"tEXt", b"Title\0x"),
                         chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b" * 99)), chunk(b"iTXt", b"k\0\0\0en\0k\0v"), chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(132))),
                         chunk(b"pHYs", bytes(9)), chunk(b"bKGD", bytes(6)), chunk(b"tIME", bytes([7, 228, 1, 1, 0, 0, 0]))))
