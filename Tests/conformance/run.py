"""Compares networks of other libraries with the models made from them, spike by spike.

    python Tests/conformance/run.py [--only TEXT] [--markdown FILE] [--every N]

Needs the packages of requirements.txt beside this file, and arcuate. Each network is exported by the
library's own exporter and read with the preset that fits, and read by `from_torch`; both run beside the
live network. Exit code 1 if spikes differ that no finding announced.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from exporters import EXPORTERS, unchecked  # noqa: E402
from networks import networks  # noqa: E402
from topologies import Network  # noqa: E402

Outcome = Tuple[str, str]
"""One of KINDS, and details."""
KINDS = ["equal", "differs, announced", "differs", "refused", "exporter fails"]


def shown(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return (
        f"{type(error).__name__}: {text}"
        if not type(error).__module__.startswith("arcuate")
        else text
    )


def reference(model: Any, network: Network, module: Any, dt: float | None) -> Outcome:
    import arcuate

    found = arcuate.compare(model, module, network.inputs(), dt=dt, tolerance=network.tolerance)
    if not found.spikes and "LI" not in network.name and "ExpLeak" not in network.name:
        return "differs", "nothing spikes: the network tests nothing"
    if found.equal:
        return "equal", f"{found.spikes:g} spikes"
    announced = [f"{f.location}: {f.message}" for f in model.findings if says(f, network)]
    if announced:
        return "differs, announced", f"{found}; finding: {announced[0]}"
    return "differs", str(found)


def says(finding: Any, network: Network) -> bool:
    """Whether a finding says that the file does not tell, or does not mean, what its library computed."""
    named = bool(network.unsaid) and network.unsaid in finding.message
    return named or any(part in finding.message for part in (" is not what ", "is recurrent: "))


def exported(network: Network, sample: Any) -> Any:
    """The graph that the library writes, in the first way that works."""
    import nir
    import topologies as settings

    export = EXPORTERS[network.framework]
    # As it is; with parameters of each neuron; and without the check of types.
    for wide, check in ((False, True), (True, True), (True, False)):
        settings.WIDE = wide
        try:
            module = network.build()
            with contextlib.nullcontext() if check else unchecked():
                graph = export(module, sample)
            nir.write(io.BytesIO(), graph)
            return graph
        except Exception as error:
            failure = error
        finally:
            settings.WIDE = False
    raise failure


def by_exporter(network: Network) -> Outcome:
    import arcuate
    import nir
    import torch

    module = network.build()
    lead = arcuate.torch_reader.leading_axes(module)
    sample = torch.zeros(*(1,) * lead, *network.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.nir")
        try:
            nir.write(path, exported(network, sample))
        except Exception as error:
            return "exporter fails", shown(error)
        try:
            model = arcuate.Model.open(path, preset=network.preset, dt=network.dt)
            return reference(model, network, network.build(), network.dt)
        except arcuate.ArcuateError as error:
            return "refused", shown(error)


def by_module(network: Network) -> Outcome:
    import arcuate
    import torch

    module = network.build()
    lead = arcuate.torch_reader.leading_axes(module)
    sample = torch.zeros(*(1,) * lead, *network.shape)
    try:
        model = arcuate.from_torch(module, sample)
    except arcuate.ArcuateError as error:
        return "refused", shown(error)
    return reference(model, network, module, None)


def outcome(how: Any, network: Network) -> Outcome:
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        try:
            return how(network)
        except Exception as error:
            return "differs", f"the comparison fails: {shown(error)}"


def table(results: List[Tuple[Network, Outcome, Outcome]]) -> str:
    lines = []
    for column, title in (
        (1, "Exported to NIR by the library, read with its preset"),
        (2, "`from_torch`"),
    ):
        lines += [
            f"{title}:",
            "",
            "| library | networks | " + " | ".join(KINDS) + " |",
            "|---" * 7 + "|",
        ]
        counts: Dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for row in results:
            if row[column][0]:
                counts[row[0].framework][row[column][0]] += 1
        for framework, counted in counts.items():
            numbers = " | ".join(str(counted[kind]) for kind in KINDS)
            lines.append(f"| {framework} | {sum(counted.values())} | {numbers} |")
        lines.append("")
    lines += [
        "| library | network | exported, read with the preset | `from_torch` |",
        "|---|---|---|---|",
    ]
    for network, exported, read in results:
        if exported[0] == "equal" and read[0] in ("equal", ""):
            continue
        cells = [f"`{network.preset}`: {told(exported)}", told(read)]
        lines.append(f"| {network.framework} | {network.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def told(found: Outcome) -> str:
    kind, detail = found
    if kind in ("equal", ""):
        return kind
    return f"{kind}: {detail[:160]}{'…' if len(detail) > 160 else ''}".replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", help="networks whose library and name contain this text")
    parser.add_argument("--markdown", help="file for the table")
    parser.add_argument("--every", type=int, default=1, help="take each Nth network")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = []
    for network in networks(options.only)[:: options.every]:
        exported, read = outcome(by_exporter, network), outcome(by_module, network)
        results.append((network, exported, read))
        print(f"{network.framework:12} {network.name:45} {exported[0]:18} {read[0]}", flush=True)
        for found in (exported, read):
            if found[0] != "equal":
                print(f"    {found[0]}: {found[1][:400]}", flush=True)
    if options.every == 1 and (not options.only or options.only.lower() in "spyx"):
        from spyx_networks import results as spyx_results

        inputs = Network("Spyx", "", lambda: None, (12,), "spyx", 1.0).inputs()
        for name, found in spyx_results(inputs).items():
            network = Network("Spyx", name, lambda: None, (12,), "spyx", 1.0)
            results.append((network, found, ("", "not a PyTorch module")))
            print(f"{'Spyx':12} {name:45} {found[0]}: {found[1]}", flush=True)
    for column, name in ((1, "exported"), (2, "from_torch")):
        counted = collections.Counter(row[column][0] for row in results)
        print(f"{name}: " + ", ".join(f"{counted[k]} {k}" for k in KINDS if counted[k]))
    if options.markdown:
        Path(options.markdown).write_text(table(results), encoding="utf-8")
    silent = [row for row in results if "differs" in (row[1][0], row[2][0])]
    print(f"{len(results)} networks, {len(silent)} differ without a finding")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
