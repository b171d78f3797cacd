"""A fleet brought up, left alone, changed and taken down: by `reconciler`, and by a plain sequential boto3 loop.

    python -m tests.benchmarks.thousand_devices [--devices N] [--latency MS …] [--runs N]

Both work on the same kind of registry (the embedded one, in a file), in the same run, each phase in a process of its own
that is told nothing but the folder, as a command would be. The loop knows what it made, marks nothing as its own and takes
no care of what else there is: it is the least that could be written. Without options all of it takes some twenty minutes,
nearly all of them the loop's waiting.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from tests.cloud import ACCOUNT, REGION, TARGET, Cloud
from tests.pki import Authority, certificate_id

PHASES = ("create", "no-op", "change 1 %", "destroy")
CONTENDERS = ("reconciler", "boto3 loop")
RUNS = 3
LATENCIES = (0, 20)


@frozen
class Figures:
    """What one phase took: requests sent, wall seconds, MiB of memory at the most, seconds that AWS's quotas would ask."""

    calls: int
    seconds: float
    memory: float
    quotas: float = 0.0


@frozen
class Job:
    """One phase of one contender. `run` names the registry, which lies in the fleet's folder."""

    contender: str
    phase: str
    folder: Path = field(converter=Path)
    run: str
    latency: float
    devices: int

    @property
    def registry(self) -> Path:
        """Its database."""
        return self.folder / f"{self.run}.sqlite3"

    def text(self) -> str:
        """For the command line of the process that does it."""
        return json.dumps(asdict(self), default=str)


class Counted(Cloud):
    """A registry in a file that answers late and counts what it is asked, from however many threads."""

    def __init__(self, path: Path, latency: float) -> None:
        from reconciler.registry import Registry
        from reconciler.registry import Settings as RegistrySettings
        from reconciler.registry.conditions import Conditioned, Conditions

        self._lock = threading.Lock()
        super().__init__(path)
        self.registry.close()
        opened = Registry(path, RegistrySettings(ACCOUNT, REGION))
        self.registry: Any = Conditioned(opened, Conditions(latency=lambda: latency), time.sleep)
        self.requests = 0

    def handle(self, request: Any) -> Any:
        with self._lock:
            self.requests += 1
        return self.registry.handle(request)


# ── the fleet, as files ─────────────────────────────────────────────────────────────────────────


def names(devices: int) -> list[str]:
    return [f"pump-{number:06}" for number in range(devices)]


def changed(devices: int) -> set[str]:
    """Every hundredth device."""
    return set(names(devices)[::100])


def write_fleet(folder: Path, devices: int) -> None:
    """A CA with its key, a certificate for each device, and the desired state before and after the change."""
    authority = Authority("Benchmark CA")
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "ca.key").write_text(authority.key_pem)
    for name in names(devices):
        (folder / f"{name}.pem").write_text(authority.device(name))
    for phase, sites in {"before": {}, "after": dict.fromkeys(changed(devices), "bergen")}.items():
        (folder / f"{phase}.toml").write_text("".join(desired_state(devices, sites)))


def desired_state(devices: int, sites: Mapping[str, str]) -> Iterator[str]:
    yield '[workspace]\nname = "benchmark"\n\n[ca_certificates.factory]\npem = { file = "ca.pem" }\n'
    yield 'verification = { key = { file = "ca.key" } }\n'
    for name in names(devices):
        yield f'\n[certificates.{name}]\npem = {{ file = "{name}.pem" }}\nca = "factory"\n'
        yield f'[things.{name}]\ncertificates = ["{name}"]\n'
        yield f'attributes = {{ site = "{sites.get(name, "oslo")}" }}\n'


# ── reconciler: load the file, plan, apply ──────────────────────────────────────────────────────


def reconcile(job: Job, cloud: Cloud) -> float:
    """The whole of what a command does after it has started; gives the seconds that AWS's quotas would ask for it."""
    from reconciler.aws.quotas import load_quotas
    from reconciler.aws.service_model import ServiceModelLimits
    from reconciler.engine.apply import apply
    from reconciler.engine.loading.load import load
    from reconciler.engine.plan import make_plan
    from reconciler.model.request import Request

    file = job.folder / ("before.toml" if job.phase in {"create", "no-op"} else "after.toml")
    plan = make_plan(
        load(file, limits=ServiceModelLimits(), environ={}),
        Request(destroy=job.phase == "destroy"),
        target=TARGET,
        call=cloud.call,
        quotas=load_quotas({}),
        progress=lambda *_: None,
    )
    bad = [
        found
        for found in apply(plan, cloud.call, stop=threading.Event())
        if found.word not in {"started", "applied"}
    ]
    if bad or (job.phase == "no-op" and plan.steps):
        raise SystemExit(f"{job.phase}: {bad or plan}")
    return plan.estimate.seconds


# ── the loop: one request after the other ───────────────────────────────────────────────────────


def loop(job: Job, cloud: Cloud) -> float:
    """What one would write by hand with boto3 for the same devices."""
    steps: dict[str, Callable[[Path, Any, int], None]] = {
        "create": _loop_create,
        "no-op": _loop_read,
        "change 1 %": _loop_change,
        "destroy": _loop_destroy,
    }
    steps[job.phase](job.folder, cloud.iot, job.devices)
    return 0.0


def _loop_create(folder: Path, iot: Any, devices: int) -> None:
    from reconciler.kinds.x509 import sign_code

    ca, key = (folder / "ca.pem").read_text(), (folder / "ca.key").read_text()
    proof = sign_code(ca, key, iot.get_registration_code()["registrationCode"])
    iot.register_ca_certificate(caCertificate=ca, verificationCertificate=proof, setAsActive=True)
    for name in names(devices):
        pem = (folder / f"{name}.pem").read_text()
        made = iot.register_certificate(certificatePem=pem, caCertificatePem=ca, status="ACTIVE")
        iot.create_thing(thingName=name, attributePayload={"attributes": {"site": "oslo"}})
        iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])


def _loop_read(folder: Path, iot: Any, devices: int) -> None:
    for name in names(devices):
        _is_as_wanted(folder, iot, name, "oslo")


def _is_as_wanted(folder: Path, iot: Any, name: str, site: str) -> bool:
    thing = iot.describe_thing(thingName=name)
    identity = certificate_id((folder / f"{name}.pem").read_text())
    found = iot.describe_certificate(certificateId=identity)["certificateDescription"]
    attached = iot.list_thing_principals(thingName=name)["principals"]
    return thing["attributes"] == {"site": site} and attached == [found["certificateArn"]]


def _loop_change(folder: Path, iot: Any, devices: int) -> None:
    other = changed(devices)
    for name in names(devices):
        site = "bergen" if name in other else "oslo"
        if not _is_as_wanted(folder, iot, name, site):
            iot.update_thing(thingName=name, attributePayload={"attributes": {"site": site}})


def _loop_destroy(folder: Path, iot: Any, devices: int) -> None:
    for name in names(devices):
        identity = certificate_id((folder / f"{name}.pem").read_text())
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{identity}"
        iot.detach_thing_principal(thingName=name, principal=arn)
        iot.delete_thing(thingName=name)
        iot.update_certificate(certificateId=identity, newStatus="INACTIVE")
        iot.delete_certificate(certificateId=identity)
    ca = certificate_id((folder / "ca.pem").read_text())
    iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca)


# ── taking the figures ──────────────────────────────────────────────────────────────────────────


def one_phase(job: Job) -> Figures:
    """In this process, the libraries loaded and the clients made before the clock starts."""
    cloud = Counted(job.registry, job.latency)
    work = reconcile if job.contender == CONTENDERS[0] else loop
    begun = time.perf_counter()
    quotas = work(job, cloud)
    seconds = time.perf_counter() - begun
    unit = 1024**2 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Figures(cloud.requests, seconds, peak, quotas)


def measured(job: Job) -> Figures:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.thousand_devices", "--job", job.text()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Figures(**json.loads(done.stdout))


def take(devices: int, latency: float, runs: int) -> dict[tuple[str, str], list[Figures]]:
    """All phases of both contenders, each run on empty registries, the contenders in turns."""
    taken: dict[tuple[str, str], list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as temporary:
        folder = Path(temporary)
        write_fleet(folder, devices)
        for run, phase, contender in itertools.product(range(runs), PHASES, CONTENDERS):
            job = Job(contender, phase, folder, f"{run}-{CONTENDERS.index(contender)}", latency, devices)
            found = measured(job)
            taken.setdefault((phase, contender), []).append(found)
            told = f"run {run + 1} of {runs}: {phase}, {contender}: {found.seconds:.2f} s"
            sys.stderr.write(f"  {latency * 1000:g} ms, {told}\n")
    return taken


def median(found: list[Figures]) -> Figures:
    """Each figure's own median."""
    columns = zip(*((one.calls, one.seconds, one.memory, one.quotas) for one in found), strict=True)
    calls, seconds, memory, quotas = map(statistics.median, columns)
    return Figures(int(calls), seconds, memory, quotas)


# ── telling them ────────────────────────────────────────────────────────────────────────────────

COLUMNS = ("phase", "contender", "calls", "seconds", "peak MiB", "ratio", "under AWS's quotas")


def rows(taken: Mapping[tuple[str, str], list[Figures]]) -> Iterator[tuple[str, ...]]:
    """A row a contender and phase; the ratio is how many times as fast as the loop."""
    ours, theirs = CONTENDERS
    for phase in PHASES:
        own, other = median(taken[phase, ours]), median(taken[phase, theirs])
        quotas = f"at least {own.quotas:,.1f} s" if own.quotas else "no changes"
        ratio = f"{other.seconds / own.seconds:.1f} x"
        yield phase, ours, f"{own.calls:,}", f"{own.seconds:.2f}", f"{own.memory:.0f}", ratio, quotas
        yield "", theirs, f"{other.calls:,}", f"{other.seconds:.2f}", f"{other.memory:.0f}", "1.0 x", ""


def table(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = {0, 1, len(COLUMNS) - 1}
    told = (
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join(told)


def report(devices: int, latencies: list[float], runs: int) -> str:
    """The whole of what is printed."""
    parts = [
        f"{devices:,} devices: a certificate signed by one CA, a thing, and the one attached to the other.",
        (
            f"Medians of {runs}, the contenders in turns on registries of their own, each phase in a process of its own;\n"
            "seconds are wall time from the first look at the files to the last answer, start-up aside; ratio is how many\n"
            "times as fast as the sequential loop. The loop marks nothing as its own; its no-op reads each device with\n"
            "three requests, its change does so and updates what differs. The quotas' column is what AWS's default\n"
            "rates would make of the plan's writes: there it is they that decide, not this."
        ),
    ]
    for latency in latencies:
        title = f"{latency:g} ms a request"
        body = table([COLUMNS, *rows(take(devices, latency / 1000, runs))])
        parts.append(f"{title}\n{'─' * len(title)}\n{body}")
    return "\n\n".join(parts)


def main(words: list[str]) -> None:
    if words[:1] == ["--job"]:
        found = one_phase(Job(**json.loads(words[1])))
        sys.stdout.write(json.dumps(asdict(found)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=1000, metavar="N")
    parser.add_argument("--latency", type=float, action="append", metavar="MS", help="may be given again")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N")
    given = parser.parse_args(words)
    sys.stdout.write(report(given.devices, given.latency or list(LATENCIES), given.runs) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
