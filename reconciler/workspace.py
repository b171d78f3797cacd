"""The Python API: plan and apply one desired state."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from reconciler.model.address import Address
from reconciler.model.arguments import check_choice, check_percentage, name_argument
from reconciler.model.distribution import require_extra
from reconciler.model.errors import ReconcilerError, name_environment
from reconciler.model.plan import Plan
from reconciler.model.text import closest_match, format_suggestion, quote
from reconciler.notebook import can_show_widgets
from reconciler.notebook.cell_error import render_cell_error
from reconciler.notebook.default_progress import choose_read_progress, ignore_progress
from reconciler.notebook.workspace_protocol import ReadProgress
from reconciler.render.rich_display import DisplayedPlan, DisplayedResource
from reconciler.workspace_runs import WorkspaceRuns

if TYPE_CHECKING:
    import networkx as nx

    from reconciler.engine.outputs import Outputs
    from reconciler.engine.plan.compare import Comparison
    from reconciler.model.plan_options import PlanOptions
    from reconciler.model.resource import Live
    from reconciler.notebook.panel import Panel
    from reconciler.render.json.plan_file import PlanDocument
    from reconciler.render.rich_display import DisplayedDrift

ReconcilerError.traceback_renderer = render_cell_error


class Workspace(WorkspaceRuns):
    """A desired state and the registry that it describes.

    The file is loaded when it is first needed. Methods that call the registry raise `TargetError` if it cannot be reached, and
    `AwsError` for errors that it returns.

    Args:
        path: A TOML file or a folder of TOML files.
        environment: The name of one of its environments, or a glob that matches one (default: RECONCILER_ENV, else the file's default).
        variables: Values of the file's variables, by name.
        allow_outside: Folders outside the repository from which `include` may read.
        environ: Environment variables to use in place of the process's own.
        offline: Whether names such as `{aws.account}` have sample values where only a call would give the real ones.

    >>> workspace = Workspace("desired_state.toml")
    >>> plan = workspace.plan()
    >>> result = workspace.apply(plan)
    """

    # ── plans ───────────────────────────────────────────────────────────────────────────────────

    def plan(  # noqa: PLR0913 (the options of a plan)
        self,
        *,
        destroy: bool = False,
        adopt: str | Collection[str] = (),
        wave: float = 100.0,
        allow: Mapping[str, str | int] = MappingProxyType({}),
        allow_cascade: bool = False,
        select: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        only_adopted: bool = False,
        full: bool = False,
        progress: ReadProgress | None = None,
    ) -> DisplayedPlan:
        """Read the file and the registry, and return a plan: the changes, with the calls that make them.

        Args:
            destroy: Whether to plan the deletion of everything that the workspace owns.
            adopt: The unmanaged resources to import: addresses, globs or kinds. A glob or kind skips resources that are
                managed already.
            wave: The percentage of the certificate rotations that one wave has. The plan has all rotations, but limits count only
                those of one wave.
            allow: Overrides of the file's limits: "delete" or "replace" → a count such as 50, or a percentage such as "10%".
            allow_cascade: Whether deletions may remove what the workspace does not own, such as the membership of other things in a
                group.
            select: The changes to include, all if empty: addresses, globs or kinds, with a `+` in front to add dependencies, or at
                the end to add dependents.
            exclude: The changes to leave out, written as for `select`.
            only_adopted: Whether the plan has only the changes that `adopt` needs.
            full: Whether the plan displays every change, instead of groups of alike ones. It does not affect what the plan has.
            progress: Called while the registry is read, with a description, the number of items read, and their total. Without
                it, a notebook's cell shows the progress.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            PlanRejectedError: If the plan fails plan checks, such as a limit or a secret that is not set. It has every reason.
            SelectionError: If a selector selects nothing, or a glob in `adopt` matches no unmanaged resource.
            ValueError: If `adopt`, `wave` or `allow` is not valid.
        """
        from reconciler.engine.plan.address_patterns import is_pattern
        from reconciler.model.plan_options import PlanOptions, parse_limit_overrides, split_selectors

        adopted = split_selectors(adopt)
        patterns = dict.fromkeys(text for text in adopted if is_pattern(text))
        with name_argument("adopt"):
            addresses = frozenset(Address.parse(text) for text in adopted if text not in patterns)
        check_percentage("wave", wave)
        options = PlanOptions(
            destroy,
            addresses,
            wave,
            parse_limit_overrides(allow),
            split_selectors(select),
            split_selectors(exclude),
            adopt_patterns=tuple(patterns),
            only_adopted=only_adopted,
            allow_cascade=allow_cascade,
        )
        return attrs.evolve(self._make_plan(options, progress), full=full)

    def save(self, plan: Plan, path: str | Path) -> None:
        """Write a plan to a file for `open_plan`, with references and salted hashes in place of secrets.

        Args:
            plan: The plan.
            path: The file, which is overwritten.

        Raises:
            OSError: If the file cannot be written.
        """
        from reconciler.engine.durable_files import name_file_in_errors
        from reconciler.render.json.plan_file import render_plan_json

        with name_file_in_errors(Path(path)), Path(path).open("w", encoding="utf-8") as file:
            file.writelines(render_plan_json(plan, unchanged_markers=self.count_unchanged_markers(plan)))

    def read_plan_file(self, path: str | Path) -> PlanDocument:
        """Read a saved plan without checking it, and use its environment and its variables from now on.

        Args:
            path: The file that `save` or `reconciler plan --out` wrote.

        Raises:
            PlanRejectedError: If the file was edited, or if this workspace chooses another environment or other variables.
            OSError: If the file cannot be read.
        """
        from reconciler.engine.plan.saved_plan import read_choice
        from reconciler.render.json.plan_file import parse_plan_file

        document = parse_plan_file(Path(path).read_bytes())
        self._choose(read_choice(document, self._choice, self._environ))
        return document

    def open_plan(
        self, saved: str | Path | PlanDocument, *, progress: ReadProgress | None = None
    ) -> DisplayedPlan:
        """Return a saved plan, after checking that planning again gives the same plan.

        The workspace uses the environment and the variables of the plan from then on.

        Raises the errors of `plan`, too.

        Args:
            saved: The file that `save` or `reconciler plan --out` wrote, or the result of `read_plan_file`.
            progress: As for `plan`.

        Raises:
            PlanRejectedError: If the plan file was edited, if it was made from another desired state, for another environment than the
                one that this workspace chooses, or for another target, or if a
                resource in it has changed since, for example because the plan was already applied. It has the first differences.
            OSError: If the file cannot be read.
        """
        from reconciler.engine.plan import saved_plan
        from reconciler.render.json.plan_file import check_view

        document = self.read_plan_file(saved) if isinstance(saved, str | Path) else saved
        self._reload_if_used()
        saved_plan.check_inputs(document, self.desired, self.connection.target)
        plan = self._make_plan(saved_plan.read_options(document), progress)
        saved_plan.check_changes(document, plan)
        check_view(document, plan)
        return plan

    def partial_plan(self, plan: Plan, addresses: Collection[Address]) -> Plan:
        """Return the part of a plan that changes these addresses, with the steps that these changes depend on."""
        from reconciler.engine.plan.waves import restrict_plan

        return restrict_plan(plan, addresses, self._quotas)

    def rotations(self, plan: Plan) -> Plan:
        """Return a plan's rotations of certificates, with the steps that these rotations depend on."""
        from reconciler.engine.plan.waves import find_rotations, restrict_plan

        return restrict_plan(plan, find_rotations(plan), self._quotas)

    def waves(self, plan: Plan, percent: float) -> Iterator[Plan]:
        """Yield a plan's rotations of certificates in waves.

        Apply a wave only if the result of the previous one is `ok`.

        Args:
            plan: A plan that was made with `wave=percent`.
            percent: The part of the rotations in each wave, in percent: more than 0, at most 100.

        Raises:
            ValueError: If `percent` is not valid.
        """
        from reconciler.engine.plan.waves import split_into_waves

        check_percentage("percent", percent)
        return split_into_waves(plan, percent, self._quotas)

    def count_unchanged_markers(self, plan: Plan) -> int:
        """Return how many of a plan's unchanged resources are ownership markers, which are not in the file."""
        from reconciler.engine.ownership.markers import count_unchanged_markers

        return count_unchanged_markers(plan, self.desired.resources)

    def _make_plan(self, options: PlanOptions, progress: ReadProgress | None) -> DisplayedPlan:
        from reconciler.engine.plan.planner import make_plan

        self._reload_if_used()
        connection = self.connection
        with (
            name_environment(self.desired.environment_name),
            choose_read_progress(progress) as report,
        ):
            plan = make_plan(
                self.desired,
                options,
                target=connection.target,
                call=connection.call,
                quotas=self._quotas,
                progress=report,
            )
        return DisplayedPlan.from_value(plan, state=self.desired)

    # ── resources ───────────────────────────────────────────────────────────────────────────────

    def drift(
        self,
        *,
        select: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        full: bool = False,
        progress: ReadProgress | None = None,
    ) -> DisplayedDrift:
        """Return the differences between the registry and the file. Writes nothing and acquires no lease.

        Args:
            select: The resources to include, all if empty; written as for `plan`.
            exclude: The resources to leave out.
            full: Whether the drift displays every resource, instead of groups of alike ones.
            progress: As for `plan`.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects nothing.
        """
        from reconciler.engine.plan.drift import find_drift
        from reconciler.model.plan_options import split_selectors
        from reconciler.render.rich_display import DisplayedDrift

        self._reload_if_used()
        with choose_read_progress(progress) as report:
            drift = find_drift(
                self.desired,
                target=self.connection.target,
                call=self.connection.call,
                progress=report,
                select=split_selectors(select),
                exclude=split_selectors(exclude),
            )
        return DisplayedDrift.from_value(drift, last_run=self.last_run_on_target(), full=full)

    def show(self, address: str) -> DisplayedResource:
        """Return one resource: its desired and live state, and the change that a plan would make.

        Args:
            address: The kind and the name, such as "things.pump-1".

        Raises:
            ReconcilerError: If the kind is unknown, or if the resource is neither in the file nor in the registry. A resource
                that the workspace does not manage is found by its name or ID in AWS.
            ValueError: If `address` is not a valid address.
            InvalidDesiredStateError: If the file has errors.
        """
        from reconciler.kinds import all_kinds

        with name_argument("address"):
            parsed = Address.parse(address)
        self._reload_if_used()
        kinds = all_kinds()
        if parsed.kind not in kinds:
            hint = _did_you_mean(parsed.kind, kinds)
            raise ReconcilerError(f"{quote(parsed.kind)} is not a resource kind{hint}")
        resource = _build_displayed_resource(parsed, self._compare_states())
        if resource.desired is None and resource.live is None:
            live = self._read_unmanaged(parsed)
            if live is None:
                hint = _did_you_mean(
                    address, {str(known_address) for known_address in self.desired.resources}
                )
                raise ReconcilerError(f"{address} is neither in {self.path} nor in the registry{hint}")
            return DisplayedResource(parsed, None, live, None)
        return resource

    def show_selected(
        self, select: str | Sequence[str] = (), exclude: str | Sequence[str] = ()
    ) -> Sequence[DisplayedResource]:
        """Return what `show` returns, for every selected resource (default: all), ordered by address.

        Raises:
            SelectionError: If a selector selects nothing.
        """
        from reconciler.engine.plan.selection import select_compared
        from reconciler.model.plan_options import split_selectors

        comparison = self._compare_states()
        addresses = sorted(select_compared(comparison, split_selectors(select), split_selectors(exclude)))
        return [_build_displayed_resource(address, comparison) for address in addresses]

    def output(self, select: str | Sequence[str] = ()) -> Outputs:
        """Return the IDs and ARNs of the managed resources, and the account's endpoints.

        Other tools need these values.

        Args:
            select: The resources to include, all if empty; written as for `plan`.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects no managed resource.
        """
        from reconciler.engine.outputs import collect_outputs
        from reconciler.model.plan_options import split_selectors

        self._reload_if_used()
        connection = self.connection
        comparison = self._compare_states()
        return collect_outputs(
            self.desired.settings.name,
            connection.target,
            comparison,
            connection.call,
            split_selectors(select),
        )

    def graph(
        self, select: str | Sequence[str] = (), exclude: str | Sequence[str] = ()
    ) -> nx.DiGraph[Address]:
        """Return the dependency graph of the file, or of the selected part.

        Edges lead from a dependency to its dependents. Nothing is read from the registry.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects nothing.
        """
        from reconciler.engine.graph import build_resource_graph

        resources = self.desired.resources
        graph = build_resource_graph(resources)
        if not (select or exclude):
            return graph
        from reconciler.engine.plan.selection import select_addresses
        from reconciler.model.plan_options import split_selectors

        selected = select_addresses(graph, split_selectors(select), split_selectors(exclude))
        return build_resource_graph(
            {address: resource for address, resource in resources.items() if address in selected}
        )

    def panel(self, plan: Plan | None = None) -> Panel | None:
        """Return a widget that shows a plan (default: a new one) and can apply it.

        Outside notebooks, print the plan and return None. As the last value of a cell, the panel shows itself. It can also be placed in
        other widgets. Raises the errors of `plan`, too.

        Raises:
            MissingExtraError: If the extra `notebook` is not installed.
        """
        plan = self.plan() if plan is None else plan
        if not can_show_widgets():
            sys.stdout.write(f"{plan!r}\n")
            return None
        with require_extra("the panel"):
            from reconciler.notebook.panel import Panel
        return Panel(self, plan)

    def client(self, service: str = "iot") -> Any:
        """Return a boto3 client for the same registry; its calls appear in no plan and in no journal.

        Args:
            service: "iot" or "iot-managed-integrations".

        Raises:
            ValueError: If there is no such service.
        """
        check_choice("service", service, self.connection.clients)
        return self.connection.clients[service]

    def _reload_if_used(self) -> None:
        """Reload the file; in a notebook always, because cells may have edited it since another one loaded it."""
        self._was_used |= can_show_widgets()
        super()._reload_if_used()

    def _read_unmanaged(self, address: Address) -> Live | None:
        from reconciler.engine.plan.refresh import read_unmanaged

        return read_unmanaged(self.desired, address, self.connection.call)

    def _compare_states(self) -> Comparison:
        from reconciler.engine.plan.compare import compare_states
        from reconciler.engine.plan.refresh import refresh

        refresh_result = refresh(self.desired, self.connection.call, ignore_progress)
        return compare_states(self.desired, refresh_result, ignore_progress)


def _build_displayed_resource(address: Address, comparison: Comparison) -> DisplayedResource:
    return DisplayedResource(
        address,
        comparison.desired.get(address),
        comparison.live.get(address),
        comparison.changes.get(address),
    )


def _did_you_mean(word: str, valid: Collection[str]) -> str:
    return format_suggestion(closest_match(word, valid))
