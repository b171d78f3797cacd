"""The Python API: one desired state, planned and applied."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from reconciler import notebook
from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.check_result import Finding
from reconciler.model.errors import JournalError, ReconcilerError
from reconciler.model.outcome import Outcome, Started, Waiting
from reconciler.model.plan import Plan
from reconciler.model.resource import Live, Resource
from reconciler.model.run import Run
from reconciler.model.text import closest, quoted
from reconciler.render.rich_display import (
    DisplayedHistory,
    DisplayedPlan,
    DisplayedRecord,
    DisplayedResource,
    DisplayedResult,
)
from reconciler.workspace_files import Place

if TYPE_CHECKING:
    import networkx as nx

    from reconciler.engine.ownership.lease import Held
    from reconciler.model.plan_options import Request
    from reconciler.render.views.drift import DisplayedDrift

Progress = Callable[[str, int, int | None], None]

_NO_ALLOWANCE: Mapping[str, str] = {}


def _which_run(part: str, found: Collection[str], known: Collection[str]) -> str:
    """Why a part of an id does not say which run is meant."""
    if not known:
        return "no run is known yet"
    if len(found) > 1 and part:
        return f"{quoted(part)} begins or ends the ids of {len(found)} runs: {', '.join(found)}"
    near = closest(part, known)
    return f"there is no run {quoted(part)}" + (
        f"; did you mean {near!r}?" if near else "; `history` lists them"
    )


def _silent(words: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def _reading(progress: Progress | None) -> AbstractContextManager[Progress]:
    """Who watches the reading: who was named, else the notebook's cell, else nobody."""
    if progress is None and notebook.is_here():
        from reconciler.notebook import cell_progress

        return cell_progress.reading()
    return nullcontext(progress or _silent)


def _applying(
    plan: Plan, listen: Callable[[Outcome], None] | None, stop: threading.Event
) -> AbstractContextManager[Callable[[Outcome], None]]:
    """Who watches an apply, likewise."""
    if listen is None and notebook.is_here():
        from reconciler.notebook import cell_progress

        return cell_progress.applying(plan, stop)
    return nullcontext(listen or (lambda _outcome: None))


class Workspace(Place):
    """A desired state and the registry that it is about.

    `path` is a TOML file or a folder of them; `environ` stands for the process's environment variables.

    >>> workspace = Workspace("desired_state.toml")
    >>> plan = workspace.plan()
    >>> result = workspace.apply(plan)
    """

    def plan(  # noqa: PLR0913 (what a plan may be asked for)
        self,
        *,
        destroy: bool = False,
        adopt: Collection[str] = (),
        wave: float = 100.0,
        allow: Mapping[str, str] = _NO_ALLOWANCE,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> DisplayedPlan:
        """Read the file and the registry, and say exactly what would be sent.

        `destroy` plans the removal of all that the workspace owns; `adopt` names resources without its mark that it may
        take over; `wave` is how many per cent of the rotations will be made at a time, which is what limits are held to;
        `allow` is what this run may "delete" or "replace" whatever the file's limits say, such as "50" or "10%".
        `select` and `exclude` say which changes are made: addresses, globs, kinds, `+` for what they need and what needs them.
        Raises InvalidDesiredStateError, RefusedError, SelectionError, TargetError and AwsError.
        """
        from reconciler.model.plan_options import Allowance, Request

        names = frozenset(map(Address.parse, adopt))
        allowed = {action: Allowance.parse(most) for action, most in allow.items()}
        return self._plan(Request(destroy, names, wave, allowed, tuple(select), tuple(exclude)), progress)

    def save(self, plan: Plan, path: str | Path) -> None:
        """Write a plan to a file, for `reopen`: what it would send and what it saw, secrets by reference."""
        from reconciler.render.json import plan_file

        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(plan_file.write(plan, unchanged_marks=self.marks(plan)))

    def reopen(self, path: str | Path, *, progress: Progress | None = None) -> DisplayedPlan:
        """The plan that was saved there, if planning anew gives the same.

        Raises RefusedError with every reason why not: it was edited, it was made from another desired state or for another
        target, or something that it touches has changed since, for example because it was applied already.
        """
        from reconciler.engine.plan import saved
        from reconciler.render.json import plan_file

        self._anew()
        document = plan_file.read(Path(path).read_bytes())
        saved.check_place(document, self.desired, self._connection.target)
        anew = self._plan(saved.request(document), progress)
        saved.check_content(document, anew)
        plan_file.check_shown(document, anew)
        return anew

    def drift(
        self, *, select: Sequence[str] = (), exclude: Sequence[str] = (), progress: Progress | None = None
    ) -> DisplayedDrift:
        """Where the registry is not as the file says. Nothing is written, no lock is taken, no change is planned.

        Raises InvalidDesiredStateError, SelectionError, TargetError and AwsError.
        """
        from reconciler.engine.plan.drift import find_drift
        from reconciler.render.views.drift import DisplayedDrift

        self._anew()
        with _reading(progress) as tell:
            found = find_drift(
                self.desired,
                target=self._connection.target,
                call=self._connection.call,
                progress=tell,
                select=select,
                exclude=exclude,
            )
        return DisplayedDrift(**asdict(found, recurse=False), last=self.last_apply())

    def last_apply(self) -> Run | None:
        """This workspace's latest run on this target; a journal that cannot be read tells of none."""
        try:
            latest = self._journal.runs(1, self.desired.settings.name, str(self._connection.target))
        except JournalError:
            return None
        return latest[0] if latest else None

    def _plan(self, request: Request, progress: Progress | None) -> DisplayedPlan:
        from reconciler.engine.plan.planner import make_plan

        self._anew()
        with _reading(progress) as tell:
            made = make_plan(
                self.desired,
                request,
                target=self._connection.target,
                call=self._connection.call,
                quotas=self._quotas,
                progress=tell,
            )
        return DisplayedPlan(**asdict(made, recurse=False), state=self.desired)

    def apply(
        self,
        plan: Plan,
        *,
        listen: Callable[[Outcome], None] | None = None,
        stop: threading.Event | None = None,
        command: str = "apply",
    ) -> DisplayedResult:
        """Send the plan's calls and say what became of each step.

        `listen` hears every outcome as it happens; where nobody does, a notebook's cell shows how it goes. Setting `stop`
        finishes what is in flight and cancels the rest; `command` is what the journal calls the run. Raises LockedError
        while somebody else applies this workspace.
        """
        from reconciler.engine.apply.executor import apply

        begun = time.monotonic()
        final: list[Outcome] = []
        stop = stop or threading.Event()
        self._clear(plan)
        with (
            self._leased(plan) as guard,
            self._recorded(plan, command) as recorder,
            _applying(plan, listen, stop) as hear,
            closing(
                apply(plan, self._connection.call, stop=stop, guard=guard, recorder=recorder)
            ) as outcomes,
        ):
            for outcome in outcomes:
                if not isinstance(outcome, Waiting):
                    recorder.outcome(outcome)
                hear(outcome)
                if not isinstance(outcome, Started | Waiting):
                    final.append(outcome)
        return DisplayedResult(plan, tuple(final), time.monotonic() - begun, recorder.trouble)

    def lease(self) -> Held | None:
        """Who applies this workspace right now, None where nobody does. Raises AwsError and TargetError."""
        from reconciler.engine.ownership.lease import holder

        return holder(self.desired.settings.name, self._connection.call)

    def unlock(self) -> Held | None:
        """Break the lease, whoever has it, and say who had it. Raises AwsError and TargetError."""
        from reconciler.engine.ownership.lease import unlock

        return unlock(self.desired.settings.name, self._connection.call)

    def history(self, limit: int | None = 20) -> DisplayedHistory:
        """The latest runs of this folder's journal, the newest first. Raises JournalError."""
        return DisplayedHistory(self._journal.runs(limit))

    def run(self, part: str) -> DisplayedRecord:
        """One run with its steps and calls, by the start or the end of its id. Raises JournalError, ReconcilerError."""
        known = self._journal.ids()
        found = [run_id for run_id in known if run_id.startswith(part) or run_id.endswith(part)]
        if len(found) != 1 or not part:
            raise ReconcilerError(_which_run(part, found, known))
        record = self._journal.record(found[0])
        assert record
        return DisplayedRecord(record.run, record.steps, record.calls)

    def last_run(self) -> DisplayedRecord | None:
        """This workspace's latest run with its steps and calls, None before the first. Raises JournalError."""
        latest = self._journal.runs(1, self.desired.settings.name)
        return self.run(latest[0].id) if latest else None

    def crashed_run(self) -> Run | None:
        """This workspace's latest run, if it ended without a word; a journal that cannot be read tells of none."""
        try:
            latest = self._journal.runs(1, self.desired.settings.name)
        except JournalError:
            return None
        return latest[0] if latest and latest[0].status == "crashed" else None

    def conclude(self, plan: Plan, command: str = "apply") -> None:
        """Settle what a run before it left that crashed, when a plan had nothing to do: its lease, and word of it."""
        self._clear(plan)
        if self.crashed_run():
            with self._recorded(plan, command):
                pass

    def _clear(self, plan: Plan) -> None:
        """Take away the lease of one who died with everything done: a plan of nothing takes no lease over."""
        from reconciler.engine.ownership.lease import clear

        if not plan:
            clear(plan.workspace, self._connection.call)

    def left_undone(self) -> Collection[Address]:
        """What this workspace's last run on this target did not bring to what was wanted.

        Raises RefusedError where there was no such run or it left nothing, JournalError and TargetError.
        """
        from reconciler.engine.apply.retry_failed import left_undone

        target = str(self._connection.target)
        latest = self._journal.runs(1, self.desired.settings.name, target)
        return left_undone(self._journal.record(latest[0].id) if latest else None)

    def part(self, plan: Plan, wanted: Collection[Address]) -> Plan:
        """The wanted steps of a plan and all that they wait for, nothing else of it."""
        from reconciler.engine.plan.waves import part

        return part(plan, wanted, self._quotas)

    def rotations(self, plan: Plan) -> Plan:
        """The part of a plan that gives devices new certificates."""
        from reconciler.engine.plan.waves import part, rotations

        return part(plan, rotations(plan), self._quotas)

    def waves(self, plan: Plan, percent: float) -> Iterator[Plan]:
        """The same in waves of so many per cent of the devices; apply the next when the one before is `ok`."""
        from reconciler.engine.plan.waves import waves

        return waves(plan, percent, self._quotas)

    def inspect(self, address: str) -> tuple[Resource | None, Live | None, Change | None]:
        """What the file wants of one resource, what the registry has, and what would be done about it."""
        from reconciler.engine.plan.compare import survey

        found = survey(self.desired, self._connection.call, _silent)
        at = Address.parse(address)
        return found.desired.get(at), found.live.get(at), found.changes.get(at)

    def show(self, address: str) -> DisplayedResource:
        """One resource as the file wants it and as the registry has it, to be looked at.

        Raises ReconcilerError, with the nearest address, where it is in neither.
        """
        from reconciler.model.text import closest

        self._anew()
        found = DisplayedResource(Address.parse(address), *self.inspect(address))
        if found.desired is None and found.live is None:
            near = closest(address, {str(known) for known in self.desired.resources})
            told = f"; did you mean {near!r}?" if near else ""
            raise ReconcilerError(f"{address} is neither in {self.path} nor in the registry{told}")
        return found

    def panel(self, plan: Plan | None = None) -> None:
        """The plan to look at, to apply and to watch, in a notebook; anywhere else it is only told.

        Without a plan, one is made. Raises what `plan` raises.
        """
        plan = plan or self.plan()
        if not notebook.is_here():
            sys.stdout.write(f"{plan!r}\n")
            return
        from reconciler.notebook.panel import Panel

        Panel(self, plan).present()

    def client(self, service: str = "iot") -> Any:
        """A boto3 client at the same registry: to look around, or to do by hand what no plan and no journal knows of."""
        return self._connection.clients[service]

    def inspect_all(
        self, select: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> Mapping[Address, tuple[Resource | None, Live | None, Change | None]]:
        """The same of every selected resource, by address. Raises SelectionError, too."""
        from reconciler.engine.plan.compare import survey
        from reconciler.engine.plan.selection import select_known

        found = survey(self.desired, self._connection.call, _silent)
        return {
            at: (found.desired.get(at), found.live.get(at), found.changes.get(at))
            for at in sorted(select_known(found, select, exclude))
        }

    def marks(self, plan: Plan) -> int:
        """How many of the resources that a plan leaves unchanged are the workspace's own marks, not the file's."""
        from reconciler.engine.ownership.markers import unchanged_marks

        return unchanged_marks(plan, self.desired.resources)

    def examine(self) -> Iterator[Finding]:
        """What is in order and what is not between the file and an apply: versions, target, credentials, permissions."""
        from reconciler.doctor import examine

        return examine(self, self._environ)

    def graph(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> nx.DiGraph[Address]:
        """The dependency graph of the file: an edge leads from what is needed to what needs it.

        Of a part of it where `select` or `exclude` say so. Raises SelectionError.
        """
        from reconciler.engine.graph import graph

        whole = graph(self.desired.resources)
        if not (select or exclude):
            return whole
        from reconciler.engine.plan.selection import select as selected

        kept = selected(whole, select, exclude)
        return graph({address: found for address, found in self.desired.resources.items() if address in kept})
