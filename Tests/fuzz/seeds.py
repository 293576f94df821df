"""Writes the small files under Tests/fuzz/corpus that fuzzing starts from.

Needs the packages nir, h5py and numpy, and the command arcuate: seeds.py PATH-TO-ARCUATE
"""

import gzip
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

import h5py
import nir
import numpy as np

CORPUS = pathlib.Path(__file__).parent / "corpus"


def put(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def nir_bytes(graph):
    with tempfile.NamedTemporaryFile(suffix=".nir") as file:
        nir.write(file.name, graph)
        return pathlib.Path(file.name).read_bytes()


def nir_seeds():
    one = np.ones(2, np.float32)
    cuba = nir.CubaLIF(
        tau_syn=0.01 * one,
        tau_mem=0.02 * one,
        r=one,
        v_leak=0 * one,
        v_threshold=one,
        v_reset=0 * one,
        w_in=one,
    )
    image = np.ones((1, 2, 2), np.float32)
    put(
        "nir",
        "convolution.nir",
        nir_bytes(
            nir.NIRGraph(
                {
                    "input": nir.Input(np.array([1, 4, 4])),
                    "conv": nir.Conv2d(
                        (4, 4),
                        np.ones((1, 1, 3, 3), np.float32),
                        1,
                        1,
                        1,
                        1,
                        np.zeros(1, np.float32),
                    ),
                    "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
                    "if": nir.IF(r=image, v_threshold=image, v_reset=0 * image),
                    "flat": nir.Flatten({"input": np.array([1, 2, 2])}, 0, 2),
                    "output": nir.Output(np.array([4])),
                },
                [
                    ("input", "conv"),
                    ("conv", "pool"),
                    ("pool", "if"),
                    ("if", "flat"),
                    ("flat", "output"),
                ],
            )
        ),
    )
    square = np.eye(2, dtype=np.float32)
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2])),
            "lif": cuba,
            "w": nir.Affine(square, one),
            "output": nir.Output(np.array([2])),
        },
        [("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )
    put(
        "nir",
        "nested.nir",
        nir_bytes(
            nir.NIRGraph(
                {
                    "input": nir.Input(np.array([2])),
                    "g": inner,
                    "d": nir.Delay(0.002 * one),
                    "output": nir.Output(np.array([2])),
                },
                [("input", "g"), ("g", "d"), ("d", "output")],
                metadata={"dt": 0.001, "note": "x"},
            )
        ),
    )


def calls_seeds():
    """Programs that open, compile, make a session and run it, then do whatever comes up."""
    begin = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 6, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 10, 1]
    run = [0, 0, 0, 0, 13, 1, 0, 0, 1, 0]
    generator = np.random.default_rng(1)
    for i in range(4):
        program = bytes(begin + run * i) + generator.bytes(120)
        put("calls", f"program{i}", program)
    # Neurons become a program with a parameter, which is set.
    put(
        "calls",
        "neuron-program",
        bytes(begin[:7] + [0, 0, 0, 0, 251, 0, 1, 1, 1, 1, 3, 1] + begin[7:] + run),
    )
    # Weights become int8 on two frames, of a network of two inputs and of one of nine.
    for name, file, width, numbers in (("quantise", 0, 0, 4), ("quantise-image", 2, 1, 18)):
        start = [0, 0, 0, 0, 0, 0, file, 0, 0, 0, 0, 252, 3, 0, 0, 2, width]
        rest = [1, 0, 2, 0, 8, 1, 72, 0, 1]
        put("calls", name, bytes(start + [1, 3] * (numbers // 2) + rest + [0, 0, 0, 1] + begin))


def numpy_seeds():
    for kind in ("<f4", ">f8", "<i8", "|b1"):
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            np.save(file.name, np.ones((2, 3), kind))
            put("numpy", kind[1:] + ".npy", pathlib.Path(file.name).read_bytes())


def kaldi_seeds():
    matrix = np.arange(6, dtype=np.float32)
    size = struct.pack("<bibi", 4, 2, 4, 3)
    put("kaldi", "matrix.ark", b"a \0BFM " + size + matrix.tobytes())
    put(
        "kaldi",
        "double.ark",
        b"a \0BDV " + struct.pack("<bi", 4, 6) + matrix.astype("<f8").tobytes(),
    )
    put("kaldi", "ints.ark", b"a \0B" + struct.pack("<bi", 4, 2) + struct.pack("<bibi", 4, 7, 4, 8))
    put("kaldi", "text.ark", b"a  [\n  1 2 3\n  4 5 6 ]\nb  [ 1 -2.5e3 ]\nc 1 2 3\n")
    header = struct.pack("<ffii", 0, 1, 2, 3)
    put("kaldi", "cm.ark", b"a \0BCM " + header + struct.pack("<12H", *range(12)) + bytes(range(6)))
    put("kaldi", "cm2.ark", b"a \0BCM2 " + header + struct.pack("<6H", *range(6)))
    put("kaldi", "cm3.ark", b"a \0BCM3 " + header + bytes(range(6)))


def safetensors_seeds(arcuate):
    for name in ("nested", "convolution"):
        target = CORPUS / "safetensors" / f"{name}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([arcuate, "export", CORPUS / "nir" / f"{name}.nir", target], check=True)
    put("safetensors", "lists.safetensors", lists(np.array([0.002, 0.003, 0.001], "<f4"), "<u4"))
    put("safetensors", "lists-64.safetensors", lists(np.array([0], "<f4"), "<i8"))


def lists(delay, kind):
    """Two neurons that three listed connections lead to, and through which they close a cycle."""
    arrays = {
        "s.row_starts": np.array([0, 1, 3], kind),
        "s.post": np.array([1, 0, 1], kind),
        "s.weight": np.array([0.5, 2, -1], "<f4"),
        "s.delay_s": delay,
        "n.tau": np.full(2, 0.01, "<f4"),
        "n.r": np.ones(2, "<f4"),
        "n.v_leak": np.zeros(2, "<f4"),
        "n.v_threshold": np.ones(2, "<f4") / 4,
        "n.v_reset": np.zeros(2, "<f4"),
    }
    nodes = [
        {"name": "input", "kind": "Input", "shape": [2]},
        {"name": "s", "kind": "SparseLinear", "shape": [2, 2]},
        {"name": "n", "kind": "LIF"},
        {"name": "output", "kind": "Output", "shape": [2]},
    ]
    for name in arrays:
        next(n for n in nodes if n["name"] == name[0])[name[2:]] = name
    edges = [["input", "s"], ["s", "n"], ["n", "s"], ["n", "output"]]
    graph = {"nodes": nodes, "edges": edges, "dt_s": 0.001}
    header = {"__metadata__": {"arcuate.format": "1", "arcuate.model": json.dumps(graph)}}
    data = b""
    for name, array in arrays.items():
        header[name] = {
            "dtype": {"f": "F", "u": "U", "i": "I"}[array.dtype.kind] + str(8 * array.itemsize),
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def nnet3_seeds():
    text = (pathlib.Path(__file__).parents[2] / "examples/kaldi/test/tdnn-lstm.txt").read_bytes()
    put("nnet3", "tdnn-lstm.txt", text)
    put(
        "nnet3",
        "delay.raw",
        b"\0B<Nnet3> \ninput-node name=input dim=2\n"
        b"component-node name=a component=a input=Offset(input, 2)\n"
        b"output-node name=output input=Append(a, IfDefined(Offset(input, -1)))\n\n"
        b"<NumComponents> " + struct.pack("<bi", 4, 1) + b"<ComponentName> a <AffineComponent> "
        b"<LinearParams> FM "
        + struct.pack("<bibi4f", 4, 2, 4, 2, 1, 2, 3, 4)
        + b"<BiasParams> FV "
        + struct.pack("<bi2f", 4, 2, 0, 1)
        + b"</AffineComponent> </Nnet3> ",
    )


def image_seeds():
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    for name, depth, color, row in (("gray", 8, 0, 3), ("bits", 1, 0, 1), ("rgb", 8, 2, 9)):
        rows = b"".join(bytes([f]) + bytes(range(row)) for f in range(5))
        put(
            "png",
            name + ".png",
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 5, depth, color, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""),
        )
    array = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
    put("idx", "plain", array)
    put("idx", "gzipped", gzip.compress(array, mtime=0))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, kind in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
            file.writestr(zipfile.ZipInfo(name), b"again " * 9, compress_type=kind)
    put("zip", "two.zip", archive.getvalue())


def nmnist_seeds():
    event = bytes([3, 4, 0x80, 1, 2])
    overflow = bytes([0, 240, 0, 0, 0])
    put("nmnist", "events.bin", event * 3 + overflow + event)


def event_seeds():
    """A few events in each format."""

    def words(code, *numbers):
        return struct.pack(f"<{len(numbers)}{code}", *numbers)

    evt3 = words(
        "H", 0x8001, 0x6002, 0x0003, 0x2804, 0x3805, 0x4FFF, 0x4001, 0x50FF, 0xA101, 0x8000
    )
    evt2 = words("I", 0x80000001, 0x10002004, 0x00402005, 0xA0000000, 0xE0000001)
    evt21 = words("Q", 8 << 60 | 1 << 32, 1 << 60 | 5 << 43 | 7 << 32 | 0x80000001)
    dat = bytes([12, 8]) + words("I", 5, 1 << 28 | 3 << 14 | 4, 0xFFFFFFF0, 7)
    es = b"Event Stream" + bytes([2, 0, 0])
    sensor = words("H", 34, 34)
    file4 = struct.pack("<I4s6HiiqII", 20, b"IOHE", 10, 24, 4, 8, 16, 0, 12, 0, -1, 8, 0)
    events4 = struct.pack("<I4s4HiII", 16, b"EVTS", 6, 8, 4, 0, 8, 4, 1)
    events4 += struct.pack("<qhhI", 9, 1, 2, 1)
    packet4 = words("I", len(events4)) + events4
    text = b'<node name="0"><attr key="typeIdentifier">EVTS</attr><attr key="sizeX">34</attr>'

    def aedat4(compression, payload):
        header = file4[:24] + words("i", compression) + file4[28:44] + words("I", len(text)) + text
        return (
            b"#!AER-DAT4.0\r\n"
            + words("I", len(header))
            + header
            + words("i", 0, len(payload))
            + payload
        )

    literals = bytes([0xF0, len(packet4) - 15]) + packet4
    lz4 = (
        bytes([4, 0x22, 0x4D, 0x18, 0x40, 0x40, 0])
        + words("I", len(literals))
        + literals
        + bytes(4)
    )
    container = io.BytesIO()
    with h5py.File(container, "w") as file:
        compound = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
        file["CD/events"] = np.array([(1, 2, 1, 9)], compound)
    packet3 = struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 1, 1, 1)
    npy = io.BytesIO()
    kind = [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "|b1")]
    np.save(npy, np.array([(1, 2, 3, True)], kind))
    for name, data in {
        "evt3": b"% evt 3.0\n% format EVT3;height=48;width=64\n% end\n" + evt3,
        "evt2": b"% evt 2.0\n% geometry 64x48\n" + evt2,
        "evt21": b"% format EVT21;endianness=little\n" + evt21,
        "dat": b"% Data file\n% Version 2\n% Width 64\n" + dat,
        "es": es + b"\1" + sensor + bytes([9, 3, 0, 4, 0, 255, 254, 8, 1, 0, 2, 0]),
        "nmnist": bytes([3, 4, 0x80, 1, 2, 0, 240, 0, 0, 0, 3, 4, 0, 1, 3]),
        "aedat2": b"#!AER-DAT2.0\r\n# AEChip: DAVIS346\r\n"
        + struct.pack(">II", 5 << 12 | 9 << 22, 7),
        "aedat3": b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + packet3 + words("I", 7 << 17 | 3, 5),
        "aedat4": aedat4(1, lz4),
        "cochlea": struct.pack(">HIHI", 3, 5, 4, 9),
        "csv": b"t,x,y,p\n1,2,3,1\n0.5,4,5,-1\n",
        "npz": npy.getvalue(),
        "hdf5": container.getvalue(),
    }.items():
        put(f"events-{name}", "small", data)
        put("events", name, data)
    put("events", "aedat4-plain", aedat4(0, packet4))
    put("events-es", "generic", es + b"\0" + bytes([9, 6, 65, 66, 67, 255, 1, 0]))
    put("events-es", "atis", es + b"\2" + sensor + bytes([9, 3, 0, 4, 0, 255, 10, 8, 0, 1, 0]))
    put("events-es", "color", es + b"\4" + sensor + bytes([9, 3, 0, 4, 0, 1, 2, 3]))


def program_seeds():
    """Every form of the language of neuron programs."""
    texts = {
        "lif": "state v\nv = (1 - dt / tau) * v + dt / tau * x\nspike = v > 1\nv = spike ? 0 : v",
        "adaptive": "state v, w = -0.5  # w adapts\nv = exp(-dt / p) * v + x - w\nspike = v >= q\n"
        "v -= spike * q\nw = rho * w + (1 - rho) * spike",
        "integers": "state integer v = 7, t\nv += integer(x * 16) - (v >> 3)\nt = max(t - 1, 0)\n"
        "spike = v > 64 && t == 0\nt = spike ? 3 : t\nv = spike ? v - (t + 1 << 6) : abs(v)",
        "functions": "state v, w = p ** 2\nu = tanh(v) + exp(min(w, 1)) - log(2 + abs(x)) / sqrt(1.5 + "
        "v ** 2)\nv = 0.6 * v + max(u, -0.7) + floor(x)\nw *= 0.5\nw /= 1 + w ** 4\nvalue = -w + v",
        "random": "state v\nv = 0.5 * v + x + 0.1 * normal()\nspike = v > uniform()",
        "winners": "state v\nv = 0.9 * v + x\na = winners(v, 3)\nb = winners(-v, 2)\n"
        "spike = a && !b || v != 0\nv = spike ? v - 1 : v - 0.1 * spikes_before",
        "inputs": "input a, b\nparameter g = 2\nstate v = g - 1\nv = g * a - (b < 1 ? b : 1) + v\n"
        "count = floor(max(v, 0))",
        "surrogate": "surrogate(u) = u > 0 ? 1 : 1 / (1 + p * abs(u)) ** 2\nspike = x > number(3)",
        "swap": "state a = 1, b = 2\nc = a\na = b\nb = c\nvalue = a",
        "constant": "c = p + 1\nc = c * c\nc = c * c\nvalue = c / 2 ** -3",
    }
    for name, text in texts.items():
        put("program", name, text.encode())


if __name__ == "__main__":
    nir_seeds()
    calls_seeds()
    numpy_seeds()
    kaldi_seeds()
    safetensors_seeds(sys.argv[1])
    nmnist_seeds()
    event_seeds()
    nnet3_seeds()
    image_seeds()
    program_seeds()
