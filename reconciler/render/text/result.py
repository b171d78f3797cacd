"""Results, comparisons and mistakes as text; plans are in `text`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from reconciler.model.run import Run
from reconciler.render.text.plan import COLORS, label, shown
from reconciler.render.views.format_value import visible
from reconciler.render.views.plan import plural, seconds
from reconciler.render.views.result import ENDS, End, Failure, ResultView, concluded

ENDINGS: Mapping[str, str] = {
    "applied": COLORS["applied"],
    "waiting": "dim",
    "failed": f"bold {COLORS['error']}",
    "skipped": COLORS["warning"],
    "cancelled": COLORS["warning"],
}
"""How the word for what became of a step looks."""


def end(view: End, room: int) -> Text:
    """One outcome in a line; `room` is how wide addresses are."""
    word = "" if view.word == "applied" else f"{view.word}: " if view.about else view.word
    return Text.assemble(
        (f"{view.glyph} ", ENDINGS[view.word]),
        (f"{view.action:<7} ", COLORS[view.action]),
        view.address.ljust(room),
        (f"  {word}{view.about}", "dim" if view.word == "applied" else ENDINGS[view.word]),
    )


def result(view: ResultView) -> Iterator[Text]:
    """What was done, what was not and why, and what to do next."""
    yield from unfinished(view)
    yield conclusion(view)


def unfinished(view: ResultView) -> Iterator[Text]:
    """What was not done and why, and what to do next."""
    for failure in view.failures:
        yield from _failure(failure)
        yield Text()
    for address, count in view.skipped:
        yield Text.assemble(
            (f"{ENDS['skipped']} {count:,} skipped", ENDINGS["skipped"]), f" because {address} failed"
        )
    if view.counts["cancelled"]:
        steps = plural(view.counts["cancelled"], "step")
        about = " not begun, because the run was stopped; apply again to go on"
        yield Text.assemble((f"{ENDS['cancelled']} {steps}", ENDINGS["cancelled"]), about)
    if view.skipped or view.counts["cancelled"]:
        yield Text()


def rotated(devices: int, waves: int, took: float) -> Text:
    """A rotation that went well."""
    told = f": {plural(devices, 'device')} with a new certificate, in {plural(waves, 'wave')}."
    return Text.assemble(
        (f"{ENDS['applied']} Rotated", f"bold {COLORS['applied']}"), f" in {seconds(took)}{told}"
    )


def stopped(where: str, done: int, devices: int, later: int) -> Text:
    """A rotation that did not: how far it came, and what that leaves."""
    told = f": {done:,} of {plural(devices, 'device')} with a new certificate"
    kept = f", {later:,} of later waves not touched" if later else ""
    left = " Once the cause is gone, `reconciler plan` shows what is left."
    return Text.assemble((f"{ENDS['failed']} Stopped in {where}", ENDINGS["failed"]), f"{told}{kept}.{left}")


def unrecorded(why: str) -> Text:
    """The journal does not tell all of a run."""
    return Text.assemble(
        label("warning"), f" this run is not in the history, or not all of it: {visible(why)}"
    )


def crashed(run: Run) -> Text:
    """The run before ended without a word."""
    sent = plural(run.calls, "call") + (f", {run.unanswered:,} of them unanswered" if run.unanswered else "")
    told = f" the run {visible(run.id)} of {visible(str(run.who))} at {run.begun:%Y-%m-%d %H:%M:%S} UTC ended without a word"
    return Text.assemble(
        label("warning"), f"{told} after {sent}; this plan goes on from what the registry has"
    )


def left_out(count: int) -> Text:
    """What a part of a plan leaves."""
    verb = "is" if count == 1 else "are"
    return Text(f"{plural(count, 'other change')} of the plan {verb} left for `reconciler apply`.", "dim")


def _failure(failure: Failure) -> Iterator[Text]:
    yield Text.assemble((f"{ENDS['failed']} failed  ", ENDINGS["failed"]), (failure.doing, "bold"))
    code = f"{failure.code}: " if failure.code else ""
    yield Text.assemble("    answer   ", (code, "bold"), failure.message)
    for moved in failure.moved:
        yield Text(f"    {moved.path}")
        for word, side in (("seen", moved.seen), ("planned", moved.planned), ("live", moved.live)):
            yield Text.assemble(f"      {word:<8} ", shown(side))
    if failure.request_id:
        yield Text(f"    request  {failure.request_id}", "dim")
    yield Text(f"    next     {failure.next_step}")


def conclusion(view: ResultView) -> Text:
    """The result in one line."""
    end, first, rest = concluded(view)
    style = f"bold {COLORS['applied']}" if view.ok else ENDINGS["failed"]
    return Text.assemble((f"{ENDS[end]} {first}", style), rest)
