"""Results, comparisons and mistakes as text; plans are in `text`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.text import Text

from reconciler.model.run import Run
from reconciler.render.text.plan import COLORS, label, shown
from reconciler.render.views.diagnostics import Excerpt, MistakeRow, MistakesView
from reconciler.render.views.format_value import visible
from reconciler.render.views.plan import plural, seconds
from reconciler.render.views.result import ENDS, Comparison, End, Failure, Pair, ResultView, concluded

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


def comparison(view: Comparison, width: int) -> Iterator[Text]:
    """The file's side and the registry's, attribute by attribute; what differs is marked."""
    yield Text(view.address, "bold")
    if view.origin:
        yield Text(f"in the file    {view.origin}", "dim")
    about = [
        f"version {view.version}" if view.version else "",
        f"owned by {view.owner}" if view.owner else "",
    ]
    if view.identity:
        yield Text(" · ".join(["registered as  " + view.identity, *filter(None, about)]), "dim")
    if view.needs:
        yield Text(f"needs          {', '.join(view.needs)}", "dim")
    yield Text()
    yield from _sides(view.pairs, width)
    yield Text()
    yield _verdict(view)


def _sides(pairs: Sequence[Pair], width: int) -> Iterator[Text]:
    """Three columns; a value that is too long for its own goes on in the next line."""
    names = max(len(pair.path) for pair in pairs) if pairs else 0
    names = max(names, len("attribute"))
    longest = max((len(pair.desired.text) for pair in pairs if pair.desired), default=0)
    room = max(16, min(max(longest, len("in the file")), (width - names - 6) // 2))
    yield Text.assemble(
        "  ",
        ("attribute", "bold underline"),
        " " * (names - 7),
        ("in the file", "bold underline"),
        " " * (room - 9),
        ("in the registry", "bold underline"),
    )
    for pair in pairs:
        style = COLORS["update"] if pair.differs else ""
        left, right = (_folded(shown(value, style), room) for value in (pair.desired, pair.live))
        for place, (one, other) in enumerate(zip_longest(left, right, fillvalue=Text())):
            head = (
                f"{'≠' if pair.differs else ' '} {pair.path.ljust(names)}  "
                if not place
                else " " * (names + 4)
            )
            line = Text.assemble((head, style), one, " " * (room - len(one) + 2), other)
            line.rstrip()
            yield line


def _folded(text: Text, room: int) -> Sequence[Text]:
    return [text[start : start + room] for start in range(0, max(len(text), 1), room)]


def mistakes(view: MistakesView) -> Iterator[Text]:
    """Every mistake with its place, and how many there are."""
    for row in view.rows:
        yield from _mistake(row)
        yield Text()
    parts = [plural(view.errors, "mistake")] if view.errors else []
    parts += [plural(view.warnings, "warning")] if view.warnings else []
    if parts:
        yield Text(" and ".join(parts), f"bold {COLORS['error' if view.errors else 'warning']}")


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


def _verdict(view: Comparison) -> Text:
    if view.action:
        return Text.assemble(
            (f"{view.glyph} {view.action}", f"bold {COLORS[view.action]}"), " is what a plan would do."
        )
    if view.identity and view.origin:
        return Text(f"{ENDS['applied']} as the file wants it", COLORS["applied"])
    return Text("it is not in the file and is left alone", "dim")


def _mistake(row: MistakeRow) -> Iterator[Text]:
    style = COLORS["error" if row.severity == "error" else "warning"]
    where = f"  {row.where}" if row.where else ""
    yield Text.assemble(label(row.severity), " ", (row.place, "bold"), where)
    if row.excerpt:
        yield from _excerpt(row.excerpt, style)
    yield Text(f"    {row.problem}")
    if row.expected:
        yield Text.assemble(("    expected  ", "dim"), row.expected)
    if row.nearest:
        yield Text.assemble(("    did you mean  ", "dim"), (row.nearest, "bold"), "?")


def _excerpt(excerpt: Excerpt, style: str) -> Iterator[Text]:
    number = str(excerpt.number)
    yield Text.assemble((f"    {number} | ", "dim"), excerpt.text)
    yield Text.assemble(
        (f"    {' ' * len(number)} | ", "dim"), " " * excerpt.start, ("^" * max(1, excerpt.length), style)
    )
