"""The Python API: plan and apply one desired state."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from reconciler.model.address import Address
from reconciler.model.arguments import check_choice, check_function, parse_address, parse_selectors
from reconciler.model.call import ApiCall
from reconciler.model.distribution import require_extra
from reconciler.model.errors import ReconcilerError, name_environment
from reconciler.model.plan import Plan, check_plan
from reconciler.model.text import closest_match, format_suggestion, quote
from reconciler.notebook import can_show_widgets
from reconciler.notebook.cell_error import render_cell_error
from reconciler.notebook.default_progress import choose_read_progress, ignore_progress
from reconciler.notebook.workspace_protocol import ReadProgress
from reconciler.workspace_plans import WorkspacePlans

if TYPE_CHECKING:
    import networkx as nx

    from reconciler.engine.outputs import Outputs
    from reconciler.engine.plan.compare import Comparison
    from reconciler.engine.status import Status
    from reconciler.model.edge_readings import ReadMode
    from reconciler.model.resource import Live
    from reconciler.notebook.panel import Panel
    from reconciler.render.displayed_values import DisplayedDrift, DisplayedResource

ReconcilerError.traceback_renderer = render_cell_error


class Workspace(WorkspacePlans):
    """A desired state and the registry that it describes.

    The file is loaded when it is first needed. Methods that call the registry raise `TargetError` if it cannot be reached, and
    `AwsError` for errors that it returns.

    Args:
        path: A TOML file or a folder of TOML files.
        environment: The name of one of its environments, or a glob that matches one (default: RECONCILER_ENV, else the file's default).
        variables: Values of the file's variables, by name.
        allow_outside: Folders outside the repository from which `include` may read.
        environ: Environment variables to use in place of the process's own.
        offline: Whether names such as `{aws.account}` have sample values where only a call would give the real ones, and objects in S3
            are not read. Such a workspace cannot be planned if its file names objects.
        tables: The tables that the file names in `for_each = { table = "devices" }`, by name: DataFrames, Arrow tables, or sequences of
            mappings. They are read again whenever the file is.

    Raises:
        TypeError: If one of `tables` is not a table.
        ValueError: If a value in `variables` has another type, or one of `allow_outside` is not a folder.

    >>> workspace = Workspace("desired_state.toml")
    >>> plan = workspace.plan()
    >>> result = workspace.apply(plan)
    """

    def drift(  # noqa: PLR0913 (each is one option)
        self,
        *,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
        allow_unmatched: bool = False,
        read: ReadMode | None = None,
        full: bool = False,
        who: bool = False,
        progress: ReadProgress | None = None,
    ) -> DisplayedDrift:
        """Return the differences between the registry and the file. Writes nothing and acquires no lease.

        Args:
            select: The resources to include, all if empty; written as for `plan`.
            exclude: The resources to leave out.
            allow_unmatched: As for `plan`.
            read: As for `plan`.
            full: Whether the drift displays every resource, instead of groups of alike ones.
            who: Whether to look up in CloudTrail who changed the resources that differ; it needs cloudtrail:LookupEvents.
            progress: As for `plan`.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects nothing.
            ValueError: If `read` is not valid.
        """
        from reconciler.engine.plan.drift import find_drift
        from reconciler.engine.plan.drift_changes import add_last_changes
        from reconciler.render.displayed_values import DisplayedDrift

        check_function("progress", progress)
        self._reload_if_used()
        desired = self._load_with_secrets()
        with choose_read_progress(progress) as report, self._remember_edges(read) as remembered:
            drift = find_drift(
                desired,
                target=self.connection.target,
                call=self.connection.call,
                progress=report,
                select=parse_selectors("select", select),
                exclude=parse_selectors("exclude", exclude),
                allow_unmatched=allow_unmatched,
                unanswered_calls=self._list_unanswered_calls(),
                remembered=remembered,
            )
            if who and drift:
                drift = add_last_changes(
                    drift,
                    desired.resources,
                    self.connection.call,
                    now=datetime.datetime.now(datetime.UTC),
                    runs=self._list_recent_runs(),
                )
        return DisplayedDrift.from_value(drift, last_run=self.last_run_on_target(), full=full)

    def show(self, address: str | Address) -> DisplayedResource:
        """Return one resource: its desired and live state, the change of a plan, and its status in AWS.

        The status is what AWS reports in addition to the fields, such as the connection and the certificate of a managed thing.

        Args:
            address: The kind and the name, such as "things.pump-1".

        Raises:
            ReconcilerError: If the kind is unknown, or if the resource is neither in the file nor in the registry. A resource
                that the workspace does not manage is found by its name or ID in AWS.
            ValueError: If `address` is not a valid address.
            InvalidDesiredStateError: If the file has errors.
        """
        from reconciler.kinds import all_kinds
        from reconciler.render.displayed_values import DisplayedResource

        parsed = parse_address("address", address)
        self._reload_if_used()
        kinds = all_kinds()
        if parsed.kind not in kinds:
            hint = _did_you_mean(parsed.kind, kinds)
            raise ReconcilerError(f"{quote(parsed.kind)} is not a resource kind{hint}")
        self._load_with_secrets()
        resource = _build_displayed_resource(parsed, self._compare_states())
        if resource.desired is None and resource.live is None:
            live = self._read_unmanaged(parsed)
            if live is None:
                hint = _did_you_mean(
                    str(parsed), {str(known_address) for known_address in self.desired.resources}
                )
                raise ReconcilerError(f"{parsed} is neither in {self.path} nor in the registry{hint}")
            resource = DisplayedResource(parsed, None, live, None)
        return evolve(resource, status=self._read_status(resource))

    def show_selected(
        self,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
    ) -> Sequence[DisplayedResource]:
        """Return what `show` returns, for every selected resource (default: all), ordered by address.

        Raises:
            SelectionError: If a selector selects nothing.
        """
        from reconciler.engine.plan.selection import select_compared

        self._load_with_secrets()
        comparison = self._compare_states()
        addresses = sorted(
            select_compared(
                comparison, parse_selectors("select", select), parse_selectors("exclude", exclude)
            )
        )
        return [_build_displayed_resource(address, comparison) for address in addresses]

    def registration_code(self) -> str:
        """Return the account's registration code, the common name of verification certificates of CAs.

        AWS creates the code when it is first read (API reference, GetRegistrationCode).

        The resources in the file are not read, so they may refer to a verification certificate that does not exist yet.

        Raises:
            InvalidDesiredStateError: If the settings in the file have errors.
            SelectionError: If the environment or a variable is not valid.
        """
        environment = self._load_settings()
        with name_environment(environment.name):
            response = self._connect(environment.settings).call(ApiCall("iot", "GetRegistrationCode"))
        return str(response["registrationCode"])

    def output(self, select: str | Address | Iterable[str | Address] = ()) -> Outputs:
        """Return the IDs and ARNs of the managed resources, and the account's endpoints.

        Other tools need these values.

        Args:
            select: The resources to include, all if empty; written as for `plan`.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects no managed resource.
        """
        from reconciler.engine.outputs import collect_outputs

        self._reload_if_used()
        connection = self.connection
        self._load_with_secrets(with_values=False)
        comparison = self._compare_states()
        return collect_outputs(
            self.desired.settings.name,
            connection.target,
            comparison,
            connection.call,
            parse_selectors("select", select),
        )

    def graph(
        self,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
    ) -> nx.DiGraph[Address]:
        """Return the dependency graph of the file, or of the selected part.

        Edges lead from a dependency to its dependents. Nothing is read from the registry.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            SelectionError: If a selector selects nothing.
        """
        from reconciler.engine.graph import build_resource_graph
        from reconciler.engine.plan.selection import select_resources

        selected = select_resources(
            self.desired.resources, parse_selectors("select", select), parse_selectors("exclude", exclude)
        )
        return build_resource_graph(selected)

    def panel(self, plan: Plan | None = None) -> Panel | None:
        """Return a widget that shows a plan (default: a new one) and can apply it.

        Outside notebooks, print the plan and return None. As the last value of a cell, the panel shows itself. It can also be placed in
        other widgets. Raises the errors of `plan`, too.

        Raises:
            MissingExtraError: If the extra `notebook` is not installed.
        """
        plan = self.plan() if plan is None else plan
        check_plan(plan)
        if not can_show_widgets():
            sys.stdout.write(f"{plan!r}\n")
            return None
        with require_extra("the panel"):
            from reconciler.notebook.panel import Panel
        return Panel(self, plan)

    def client(self, service: str = "iot") -> Any:
        """Return a boto3 client for the same registry; its calls appear in no plan and in no journal.

        Args:
            service: "iot", "iot-managed-integrations", or "ssm" or "secretsmanager", which store secrets.

        Raises:
            ValueError: If there is no such service.
        """
        check_choice("service", service, self.connection.clients)
        return self.connection.clients[service]

    def _reload_if_used(self) -> None:
        """Reload the file; in a notebook always, because cells may have edited it since another one loaded it."""
        self._was_used |= can_show_widgets()
        super()._reload_if_used()

    def _read_status(self, resource: DisplayedResource) -> Status:
        from reconciler.engine.status import Status, read_status
        from reconciler.kinds import all_kinds

        if resource.live is None:
            return Status()
        return read_status(all_kinds()[resource.address.kind], resource.live, self.connection.call)

    def _read_unmanaged(self, address: Address) -> Live | None:
        from reconciler.engine.plan.refresh import read_unmanaged

        return read_unmanaged(self.desired, address, self.connection.call)

    def _compare_states(self) -> Comparison:
        from reconciler.engine.plan.compare import compare_states
        from reconciler.engine.plan.refresh import refresh

        refresh_result = refresh(
            self.desired,
            self.connection.call,
            ignore_progress,
            unanswered_calls=self._list_unanswered_calls(),
        )
        return compare_states(self.desired, refresh_result, ignore_progress)


def _build_displayed_resource(address: Address, comparison: Comparison) -> DisplayedResource:
    from reconciler.render.displayed_values import DisplayedResource

    return DisplayedResource(
        address,
        comparison.desired.get(address),
        comparison.live.get(address),
        comparison.changes.get(address),
    )


def _did_you_mean(word: str, valid: Collection[str]) -> str:
    return format_suggestion(closest_match(word, valid))
