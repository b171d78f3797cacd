"""A plan between its review and its apply: what is applied is what was looked at, or nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from attrs import evolve

from reconciler.model.call import ApiCall
from reconciler.model.errors import PlanRejectedError, StaleError
from reconciler.model.outcome import Failed
from reconciler.model.plan import Target
from reconciler.render.json.plan_file import (
    build_plan_document,
    check_view,
    parse_plan_file,
    render_plan_json,
    seal_document,
)
from reconciler.workspace import Workspace

REFUSED = "error: the plan is refused; nothing was sent\n"


@pytest.fixture
def applied(fleet):
    """The starter's fleet, applied, and one attribute edited in the file since."""
    fleet("apply", "--yes")
    change('site = "bergen"', 'site = "trondheim"')
    return fleet


def change(old: str, new: str) -> None:
    path = Path("desired_state.toml")
    path.write_text(path.read_text().replace(old, new))


def call(operation: str, **params: object):
    return Workspace()._connection.call(ApiCall("iot", operation, params))


def site() -> str:
    return call("DescribeThing", thingName="pump-2")["attributes"]["site"]


def refused(told: tuple[int, str, str]) -> list[str]:
    """The reasons of a refusal; nothing else was said, and nothing was sent."""
    code, out, err = told
    assert (code, out, err[: len(REFUSED)]) == (3, "", REFUSED)
    return [line.removeprefix("  - ") for line in err[len(REFUSED) :].splitlines()]


def test_the_same_plan_is_the_same_bytes_and_applies_without_a_question(applied):
    assert applied("plan", "--out", "a.json")[0] == 0
    applied("plan", "--out", "b.json")
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    assert applied("apply", "a.json")[0] == 0
    assert site() == "trondheim"


def test_plan_format_json_prints_what_out_writes_and_show_tells_it_as_plan_did(applied):
    shown, told = applied("plan", "--out", "a.json")[1:]
    assert told == "wrote a.json; `reconciler apply a.json` applies exactly this plan\n"
    assert applied("plan", "--format", "json") == (0, Path("a.json").read_text(), "")
    assert applied("show", "a.json") == (0, shown, "")
    assert applied("show", "a.json", "--calls") == applied("plan", "--calls")
    for form in ("json", "jsonl", "markdown"):
        assert applied("show", "a.json", "--format", form) == applied("plan", "--format", form)


def test_what_is_applied_is_the_plan_that_was_saved_call_by_call(applied):
    applied("plan", "--out", "a.json")
    saved = json.loads(Path("a.json").read_text())["changes"]
    assert [found["calls"] for found in saved] == [
        [
            {
                "service": "iot",
                "operation": "UpdateThing",
                "params": {
                    "thingName": "pump-2",
                    "expectedVersion": 1,
                    "attributePayload": {"attributes": {"site": "trondheim"}, "merge": False},
                },
                "output_files": [],
            }
        ]
    ]
    assert Workspace().open_plan("a.json") == Workspace().plan()


def test_a_plan_holds_no_secret_but_its_reference_and_a_salted_hash(fleet):
    fleet("plan", "--out", "a.json")
    text = Path("a.json").read_text()
    secrets = json.loads(text)["secrets"]
    assert {name: hashed[:10] for name, hashed in secrets.items()} == {
        "file pki/development-ca.key": "scrypt:12:",
        "file pki/pump-1.setup-code": "scrypt:12:",
    }
    assert Path("pki/pump-1.setup-code").read_text().strip() not in text
    assert "PRIVATE KEY" not in text


def test_an_edit_of_any_byte_is_found(applied):
    applied("plan", "--out", "a.json")
    raw = Path("a.json").read_bytes()
    for place in range(len(raw)):
        for other in (raw[place] ^ 1, 0x20):
            edited = bytes([*raw[:place], other, *raw[place + 1 :]])
            if edited != raw:
                with pytest.raises(PlanRejectedError):
                    parse_plan_file(edited)
    for edited in (raw + b" ", b"\n" + raw, raw[:-1], raw.replace(b"trondheim", b"oslo")):
        with pytest.raises(PlanRejectedError):
            parse_plan_file(edited)


def test_an_edited_plan_is_refused_with_the_seal_that_it_has_and_the_one_of_its_content(applied):
    applied("plan", "--out", "a.json")
    path = Path("a.json")
    seal = json.loads(path.read_text())["seal"]
    path.write_text(path.read_text().replace("trondheim", "molde"))
    (reason,) = refused(applied("apply", "a.json"))
    start, end = (
        f"the file was edited: its seal is {seal}, but its content has the seal ",
        "; save the plan again",
    )
    assert (reason.startswith(start), reason.endswith(end)) == (True, True)
    assert len(reason) == len(start) + 64 + len(end)
    assert refused(applied("show", "a.json")) == [reason]
    assert site() == "bergen"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a saved plan: Input data was truncated"),
        ("[" * 100_000, None),
        ("{}", 'not a saved plan: expected "format": "reconciler.plan"'),
        (
            '{"format": "reconciler.plan", "version": 2}',
            "the file has version 2 of the plan format; this reconciler reads version 1",
        ),
        (
            '{"format": "reconciler.plan", "version": 1}',
            "the file was edited: its seal is missing; save the plan again",
        ),
    ],
)
def test_what_is_no_plan_of_ours_is_refused(applied, text, told):
    Path("a.json").write_text(text)
    reasons = refused(applied("apply", "a.json"))
    assert reasons == [told] if told else reasons[0].startswith("not a saved plan: ")


def test_a_replayed_plan_is_refused(applied):
    applied("plan", "--out", "a.json")
    applied("apply", "a.json")
    assert refused(applied("apply", "a.json")) == [
        "no changes left: the plan was already applied, or someone else made the same changes"
    ]


def test_a_plan_for_another_version_of_the_file_is_refused_with_both(applied):
    applied("plan", "--out", "a.json")
    then = Workspace().desired.digest
    change('"trondheim"', '"molde"')
    assert refused(applied("apply", "a.json")) == [
        (
            f"the SHA-256 of the desired state was {then} when the plan was saved, "
            f"and is {Workspace().desired.digest} now; save a new plan"
        )
    ]
    assert site() == "bergen"


def test_a_plan_for_another_place_is_refused_with_every_part_that_differs(applied, monkeypatch):
    workspace = Workspace()
    plan = evolve(
        workspace.plan(),
        workspace="other",
        target=Target("aws", "eu-north-1", "210987654321"),
        file_digest="0" * 64,
    )
    Path("a.json").write_text("".join(render_plan_json(plan)))
    assert refused(applied("apply", "a.json")) == [
        "the workspace was other when the plan was saved, and is greenhouse now; save a new plan",
        "the endpoint was aws when the plan was saved, and is embedded now; save a new plan",
        "the account was 210987654321 when the plan was saved, and is 123456789012 now; save a new plan",
        "the region was eu-north-1 when the plan was saved, and is eu-west-1 now; save a new plan",
        (
            f"the SHA-256 of the desired state was {'0' * 64} when the plan was saved, "
            f"and is {workspace.desired.digest} now; save a new plan"
        ),
    ]


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        (
            [{"site": "oslo"}],
            [
                "things.pump-2: attributes.site was planned as bergen → trondheim; now it is oslo → trondheim",
                "things.pump-2: version was 1; now it is 2",
            ],
        ),
        ([{"site": "oslo"}, {"site": "bergen"}], ["things.pump-2: version was 1; now it is 3"]),
        (
            [{"fan": "on"}],
            [
                "things.pump-2: attributes.fan was planned as no change; now it is on → null",
                "things.pump-2: version was 1; now it is 2",
            ],
        ),
    ],
)
def test_a_live_edit_after_the_plan_is_refused_with_both_values_and_stays(applied, edits, told):
    applied("plan", "--out", "a.json")
    for attributes in edits:
        payload = {"attributes": attributes, "merge": True}
        call("UpdateThing", thingName="pump-2", attributePayload=payload)
    assert refused(applied("apply", "a.json")) == told
    assert edits[-1].items() <= call("DescribeThing", thingName="pump-2")["attributes"].items()


def test_what_else_would_be_done_by_now_is_refused_by_its_address(applied):
    applied("plan", "--out", "a.json")
    call("UpdateThing", thingName="pump-1", attributePayload={"attributes": {"site": "x"}, "merge": True})
    assert refused(applied("apply", "a.json")) == [
        "things.pump-1: no change was planned; now the plan would update it"
    ]


def test_a_secret_that_is_another_one_by_now_is_refused_and_not_told(fleet):
    fleet("plan", "--out", "a.json")
    Path("pki/pump-1.setup-code").write_text("9012345")
    (told,) = refused(fleet("apply", "a.json"))
    parts = told.split("hash ")
    assert (parts[0], len(parts)) == (
        "the secret from file pki/pump-1.setup-code was (sensitive) with the ",
        3,
    )
    assert "9012345" not in told


def test_a_file_that_shows_other_changes_than_it_holds_is_refused(applied):
    """A seal is no signature: who can write a plan can write its seal."""
    workspace = Workspace()
    made = workspace.plan()
    document = build_plan_document(made)
    lying = evolve(document, view=evolve(document.view, sections=()))
    with pytest.raises(PlanRejectedError) as error:
        check_view(lying, made)
    assert error.value.reasons == ("the file's view shows other changes than the file holds",)


def test_what_a_file_shows_cannot_act_on_a_terminal(applied):
    document = build_plan_document(Workspace().plan())
    evil = evolve(document, view=evolve(document.view, workspace="\x1b[31mred"))
    Path("a.json").write_text("".join(seal_document(evil)))
    assert applied("show", "a.json")[1].splitlines()[0] == r"Plan for \x1b[31mred"


def test_a_destroy_can_be_saved_and_applied(applied):
    applied("plan", "--destroy", "--out", "a.json")
    code = applied("apply", "a.json")[0]
    assert (code, call("ListThings")["things"]) == (0, [])


def test_what_a_plan_was_asked_for_is_asked_for_again(applied):
    """What it adopts, and what was selected: without that the plan made anew would be another."""
    change("[things.pump-1]", '[things.tank]\nattributes = { site = "oslo" }\n\n[things.pump-1]')
    call("CreateThing", thingName="tank")
    words = ("--adopt", "things.tank", "--select", "things.tank things.pump-1")
    assert applied("plan", *words, "--out", "a.json")[0] == 0
    assert applied("apply", "a.json")[0] == 0
    assert (call("DescribeThing", thingName="tank")["attributes"], site()) == ({"site": "oslo"}, "bergen")


def test_a_saved_plan_takes_no_option_that_chooses_changes(applied):
    applied("plan", "--out", "a.json")
    told = (
        "a saved plan cannot be combined with options that change the plan; give those to `reconciler plan`"
    )
    assert applied("apply", "a.json", "--select", "things") == (
        1,
        "",
        f"error: {told}\nrun `reconciler apply --help` for usage\n",
    )


def test_of_two_who_reopened_the_same_plan_only_the_first_changes_anything(applied):
    applied("plan", "--out", "a.json")
    first, second = Workspace(), Workspace()
    plans = first.open_plan("a.json"), second.open_plan("a.json")
    assert first.apply(plans[0]).ok
    version = call("DescribeThing", thingName="pump-2")["version"]
    result = second.apply(plans[1])
    assert [type(end.error) for end in result.outcomes if isinstance(end, Failed)] in ([], [StaleError])
    assert call("DescribeThing", thingName="pump-2")["version"] == version


def test_of_two_applies_of_one_plan_at_once_one_is_done_and_the_other_refused(applied):
    applied("plan", "--out", "a.json")
    ready = threading.Barrier(2)
    ended: list[str] = []

    def one() -> None:
        workspace = Workspace()
        ready.wait()
        try:
            ended.append("done" if workspace.apply(workspace.open_plan("a.json")).ok else "failed")
        except PlanRejectedError:
            ended.append("refused")

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended.count("done") >= 1
    assert call("DescribeThing", thingName="pump-2")["version"] == 2


# ── approval by digest ──────────────────────────────────────────────────────────────────────────


def test_an_approved_digest_is_applied_without_a_question(applied):
    digest = Workspace().plan().digest
    assert applied("apply", "--approved", digest[:12])[0] == 0
    assert site() == "trondheim"


def test_another_plan_than_the_approved_one_is_refused_with_both_digests(applied):
    approved = Workspace().plan().digest[:12]
    call("UpdateThing", thingName="pump-2", attributePayload={"attributes": {"site": "oslo"}, "merge": True})
    now = Workspace().plan().digest[:12]
    told = (
        f"the approved plan has the digest {approved}, but this plan has {now} "
        "(Plan for greenhouse: 1 to update, 7 unchanged); review this plan and approve its digest"
    )
    assert refused(applied("apply", "--approved", approved)) == [told]
    assert site() == "oslo"


def test_a_digest_is_about_what_is_sent_and_seen_and_not_about_where_the_file_says_it(applied):
    then = Workspace().plan().digest
    change("[things.pump-2]", "# a comment\n\n[things.pump-2]")
    assert Workspace().plan().digest == then
    change('"trondheim"', '"molde"')
    assert Workspace().plan().digest != then


@pytest.mark.parametrize("given", ["", "abc", "Z" * 12, "a" * 65])
def test_what_is_no_digest_is_a_slip(applied, given):
    told = f"invalid value for '--approved': {given!r} is not a plan digest; expected at least 12 hexadecimal digits, as plans show them"
    assert applied("apply", "--approved", given) == (
        1,
        "",
        f"error: {told}\nrun `reconciler apply --help` for usage\n",
    )
