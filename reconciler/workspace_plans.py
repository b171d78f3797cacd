"""The plans of a workspace: made, saved, opened, and divided into parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from reconciler.model.address import Address
from reconciler.model.arguments import (
    check_function,
    check_percentage,
    check_type,
    list_selectors,
    name_argument,
    parse_selectors,
)
from reconciler.model.errors import name_environment
from reconciler.model.plan import Plan, check_plan
from reconciler.notebook.default_progress import choose_read_progress
from reconciler.notebook.workspace_protocol import ReadProgress
from reconciler.workspace_runs import WorkspaceRuns

if TYPE_CHECKING:
    from reconciler.model.edge_readings import ReadMode
    from reconciler.model.plan_options import PlanOptions
    from reconciler.render.json.plan_file import PlanDocument
    from reconciler.render.rich_display import DisplayedPlan


class WorkspacePlans(WorkspaceRuns):
    """A workspace that can be planned."""

    def plan(  # noqa: PLR0913 (the options of a plan)
        self,
        *,
        destroy: bool = False,
        adopt: str | Address | Iterable[str | Address] = (),
        wave: float = 100.0,
        allow: Mapping[str, str | int] = MappingProxyType({}),
        allow_cascade: bool = False,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
        only_adopted: bool = False,
        allow_unmatched: bool = False,
        read: ReadMode | None = None,
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
            allow_unmatched: Whether a selector may select nothing, as in some environments of a rollout. `unmatched` of the plan
                has these selectors.
            read: "all" to read the edges of every thing, or "changed" to read only those that may have changed (default: `read` in the
                file).
            full: Whether the plan displays every change, instead of groups of alike ones. It does not affect what the plan has.
            progress: Called while the registry is read, with a description, the number of items read, and their total. Without
                it, a notebook's cell shows the progress.

        Raises:
            InvalidDesiredStateError: If the file has errors.
            PlanRejectedError: If the plan fails plan checks, such as a limit or a secret that is not set. It has every reason.
            SelectionError: If a selector selects nothing, or a glob in `adopt` matches no unmanaged resource.
            TypeError: If `progress` is not a function.
            ValueError: If `adopt`, `wave`, `allow` or `read` is not valid.
        """
        from reconciler.engine.plan.address_patterns import is_pattern
        from reconciler.model.plan_options import PlanOptions, parse_limit_overrides

        adopted = parse_selectors("adopt", adopt)
        patterns = dict.fromkeys(text for text in adopted if is_pattern(text))
        with name_argument("adopt"):
            addresses = frozenset(Address.parse(text) for text in adopted if text not in patterns)
        check_percentage("wave", wave)
        check_function("progress", progress)
        options = PlanOptions(
            destroy,
            addresses,
            wave,
            parse_limit_overrides(allow),
            parse_selectors("select", select),
            parse_selectors("exclude", exclude),
            adopt_patterns=tuple(patterns),
            only_adopted=only_adopted,
            allow_cascade=allow_cascade,
            allow_unmatched=allow_unmatched,
        )
        return attrs.evolve(self._make_plan(options, progress, read), full=full)

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

        check_plan(plan)
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
        from reconciler.render.json.plan_file import PlanDocument, check_view

        expected = "a path, or the result of Workspace.read_plan_file"
        check_type("saved", saved, (str, Path, PlanDocument), expected)
        check_function("progress", progress)
        document = self.read_plan_file(saved) if isinstance(saved, str | Path) else saved
        self._reload_if_used()
        saved_plan.check_inputs(document, self.desired, self.connection.target)
        plan = self._make_plan(saved_plan.read_options(document), progress)
        saved_plan.check_changes(document, plan)
        check_view(document, plan)
        return plan

    def partial_plan(self, plan: Plan, addresses: str | Address | Iterable[str | Address]) -> Plan:
        """Return the part of a plan that changes these addresses, with the steps that these changes depend on.

        Args:
            plan: The plan.
            addresses: Addresses, globs or kinds. An `Address` that the plan does not change is left out.

        Raises:
            SelectionError: If a text matches no resource of the file and of the plan.
        """
        from reconciler.engine.plan.waves import restrict_plan, select_planned

        check_plan(plan)
        selected = select_planned(plan, list_selectors("addresses", addresses))
        return restrict_plan(plan, selected, self._quotas)

    def rotations(self, plan: Plan) -> Plan:
        """Return a plan's rotations of certificates, with the steps that these rotations depend on."""
        from reconciler.engine.plan.waves import find_rotations, restrict_plan

        check_plan(plan)
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

        check_plan(plan)
        check_percentage("percent", percent)
        return split_into_waves(plan, percent, self._quotas)

    def count_unchanged_markers(self, plan: Plan) -> int:
        """Return how many of a plan's unchanged resources are ownership markers, which are not in the file."""
        from reconciler.engine.ownership.markers import count_unchanged_markers

        check_plan(plan)
        return count_unchanged_markers(plan)

    def _make_plan(
        self, options: PlanOptions, progress: ReadProgress | None, read: ReadMode | None = None
    ) -> DisplayedPlan:
        from reconciler.engine.plan.planner import make_plan
        from reconciler.render.rich_display import DisplayedPlan

        self._reload_if_used()
        desired = self._load_with_secrets(with_values=not options.destroy)
        connection = self.connection
        with (
            name_environment(desired.environment_name),
            choose_read_progress(progress) as report,
            self._remember_edges(read, destroy=options.destroy) as remembered,
        ):
            plan = make_plan(
                desired,
                options,
                target=connection.target,
                call=connection.call,
                quotas=self._quotas,
                progress=report,
                unanswered_calls=self._list_unanswered_calls(),
                remembered=remembered,
            )
        return DisplayedPlan.from_value(plan, state=desired)
