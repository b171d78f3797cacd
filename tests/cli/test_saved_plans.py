"""Saved plans and approved digests: the reviewed plan is applied, or nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from attrs import evolve

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
from tests.support.command_line import call_iot, edit_file

REJECTED = "error: the plan is rejected; nothing was sent\n"


@pytest.fixture
def run_after_edit(run_in_applied_starter):
    """Return `run` for the starter folder, in which one attribute was edited after an apply."""
    edit_file('site = "bergen"', 'site = "trondheim"')
    return run_in_applied_starter


def read_live_site() -> str:
    """Return the site of the edited thing in the registry: `bergen`, or `trondheim` after the next apply."""
    return call_iot("DescribeThing", thingName="pump-2")["attributes"]["site"]


def get_reasons(result: tuple[int, str, str]) -> list[str]:
    """Return the reasons of a rejection, after a check that the command has printed nothing else."""
    code, out, err = result
    assert (code, out, err[: len(REJECTED)]) == (3, "", REJECTED)
    return [line.removeprefix("  - ") for line in err[len(REJECTED) :].splitlines()]


def test_equal_plans_are_equal_files_and_apply_without_confirmation(run_after_edit):
    assert run_after_edit("plan", "--out", "a.json")[0] == 0
    run_after_edit("plan", "--out", "b.json")
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    assert run_after_edit("apply", "a.json")[0] == 0
    assert read_live_site() == "trondheim"


def test_show_prints_a_saved_plan_as_plan_does_in_every_format(run_after_edit):
    output, message = run_after_edit("plan", "--out", "a.json")[1:]
    assert message == "wrote a.json; `reconciler apply a.json` applies exactly this plan\n"
    assert run_after_edit("plan", "--format", "json") == (0, Path("a.json").read_text(), "")
    assert run_after_edit("show", "a.json") == (0, output, "")
    assert run_after_edit("show", "a.json", "--calls") == run_after_edit("plan", "--calls")
    for name in ("json", "jsonl", "markdown"):
        assert run_after_edit("show", "a.json", "--format", name) == run_after_edit("plan", "--format", name)


def test_a_saved_plan_contains_the_calls_that_are_applied(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    saved = json.loads(Path("a.json").read_text())["changes"]
    assert [change["calls"] for change in saved] == [
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


def test_a_saved_plan_contains_only_references_and_salted_hashes_of_secrets(run_in_starter):
    run_in_starter("plan", "--out", "a.json")
    text = Path("a.json").read_text()
    secrets = json.loads(text)["secrets"]
    assert {name: hashed[:10] for name, hashed in secrets.items()} == {
        "file pki/development-ca.key": "scrypt:12:",
        "file pki/pump-1.setup-code": "scrypt:12:",
    }
    assert Path("pki/pump-1.setup-code").read_text().strip() not in text
    assert "PRIVATE KEY" not in text


def test_an_edit_of_any_byte_is_detected(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    raw = Path("a.json").read_bytes()
    for index in range(len(raw)):
        for byte in (raw[index] ^ 1, 0x20):
            edited = bytes([*raw[:index], byte, *raw[index + 1 :]])
            if edited != raw:
                with pytest.raises(PlanRejectedError):
                    parse_plan_file(edited)
    for edited in (raw + b" ", b"\n" + raw, raw[:-1], raw.replace(b"trondheim", b"oslo")):
        with pytest.raises(PlanRejectedError):
            parse_plan_file(edited)


def test_an_edited_plan_is_rejected_with_both_seals(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    path = Path("a.json")
    seal = json.loads(path.read_text())["seal"]
    path.write_text(path.read_text().replace("trondheim", "molde"))
    (reason,) = get_reasons(run_after_edit("apply", "a.json"))
    start, end = (
        f"the file was edited: its seal is {seal}, but its content has the seal ",
        "; save the plan again",
    )
    assert (reason.startswith(start), reason.endswith(end)) == (True, True)
    assert len(reason) == len(start) + 64 + len(end)
    assert get_reasons(run_after_edit("show", "a.json")) == [reason]
    assert read_live_site() == "bergen"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a saved plan: Input data was truncated"),
        ("[" * 100_000, None),
        ("{}", 'not a saved plan: expected "format": "reconciler.plan"'),
        (
            '{"format": "reconciler.plan", "version": 2}',
            "the file has version 2 of the plan format; this reconciler reads version 1; save the plan again",
        ),
        (
            '{"format": "reconciler.plan", "version": 1}',
            "the file was edited: its seal is missing; save the plan again",
        ),
    ],
)
def test_a_file_that_is_not_a_saved_plan_is_rejected(run_after_edit, text, reason):
    Path("a.json").write_text(text)
    reasons = get_reasons(run_after_edit("apply", "a.json"))
    if reason:
        assert reasons == [reason]
    else:
        assert reasons[0].startswith("not a saved plan: ")


def test_a_plan_that_was_already_applied_is_rejected(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    run_after_edit("apply", "a.json")
    assert get_reasons(run_after_edit("apply", "a.json")) == [
        "no changes left: the plan was already applied, or someone else made the same changes"
    ]


def test_a_plan_saved_before_an_edit_of_the_file_is_rejected_with_both_digests(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    digest_before = Workspace().desired.digest
    edit_file('"trondheim"', '"molde"')
    assert get_reasons(run_after_edit("apply", "a.json")) == [
        (
            f"the SHA-256 of the desired state was {digest_before} when the plan was saved, "
            f"and is {Workspace().desired.digest} now; save a new plan"
        )
    ]
    assert read_live_site() == "bergen"


def test_a_plan_for_another_target_is_rejected_with_every_difference(run_after_edit, monkeypatch):
    workspace = Workspace()
    plan = evolve(
        workspace.plan(),
        workspace="other",
        target=Target("aws", "eu-north-1", "210987654321"),
        file_digest="0" * 64,
    )
    Path("a.json").write_text("".join(render_plan_json(plan)))
    assert get_reasons(run_after_edit("apply", "a.json")) == [
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
    ("edits", "reasons"),
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
def test_a_live_edit_after_the_plan_is_reported_and_kept(run_after_edit, edits, reasons):
    run_after_edit("plan", "--out", "a.json")
    for attributes in edits:
        payload = {"attributes": attributes, "merge": True}
        call_iot("UpdateThing", thingName="pump-2", attributePayload=payload)
    assert get_reasons(run_after_edit("apply", "a.json")) == reasons
    assert edits[-1].items() <= call_iot("DescribeThing", thingName="pump-2")["attributes"].items()


def test_a_change_that_the_plan_lacks_is_reported_by_address(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    call_iot("UpdateThing", thingName="pump-1", attributePayload={"attributes": {"site": "x"}, "merge": True})
    assert get_reasons(run_after_edit("apply", "a.json")) == [
        "things.pump-1: no change was planned; now the plan would update it"
    ]


def test_a_changed_secret_is_reported_without_its_value(run_in_starter):
    run_in_starter("plan", "--out", "a.json")
    Path("pki/pump-1.setup-code").write_text("9012345")
    (reason,) = get_reasons(run_in_starter("apply", "a.json"))
    parts = reason.split("hash ")
    assert (parts[0], len(parts)) == (
        "the secret from file pki/pump-1.setup-code was (sensitive) with the ",
        3,
    )
    assert "9012345" not in reason


def test_a_file_whose_view_differs_from_its_changes_is_rejected(run_after_edit):
    """A seal is not a signature: a user who can write a plan can write its seal."""
    workspace = Workspace()
    plan = workspace.plan()
    document = build_plan_document(plan)
    forged = evolve(document, view=evolve(document.view, sections=()))
    with pytest.raises(PlanRejectedError) as error:
        check_view(forged, plan)
    assert error.value.reasons == (
        "the file was edited: its view does not match its changes; save the plan again",
    )


def test_a_plan_with_other_members_is_rejected_as_one_of_another_version(run_after_edit):
    document = build_plan_document(Workspace().plan())
    Path("a.json").write_text("".join(seal_document(evolve(document, changes=[{"address": "things.a"}]))))
    assert get_reasons(run_after_edit("apply", "a.json")) == [
        (
            "the file was saved by another version of reconciler "
            "(changes[0]: Object missing required field `action`); save the plan again"
        )
    ]


def test_control_characters_in_a_saved_plan_are_escaped(run_after_edit):
    document = build_plan_document(Workspace().plan())
    hostile = evolve(document, view=evolve(document.view, workspace="\x1b[31mred"))
    Path("a.json").write_text("".join(seal_document(hostile)))
    assert run_after_edit("show", "a.json")[1].splitlines()[0] == r"Plan for \x1b[31mred"


def test_a_destroy_can_be_saved_and_applied(run_after_edit):
    run_after_edit("plan", "--destroy", "--out", "a.json")
    code = run_after_edit("apply", "a.json")[0]
    assert (code, call_iot("ListThings")["things"]) == (0, [])


def test_the_options_of_a_saved_plan_are_used_again(run_after_edit):
    """Without the adopted and selected resources, planning again would give another plan."""
    edit_file("[things.pump-1]", '[things.tank]\nattributes = { site = "oslo" }\n\n[things.pump-1]')
    call_iot("CreateThing", thingName="tank")
    words = ("--adopt", "things.tank", "--select", "things.tank things.pump-1")
    assert run_after_edit("plan", *words, "--out", "a.json")[0] == 0
    assert run_after_edit("apply", "a.json")[0] == 0
    assert (call_iot("DescribeThing", thingName="tank")["attributes"], read_live_site()) == (
        {"site": "oslo"},
        "bergen",
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--select", "things"), "--select"),
        (("--read", "all"), "--read"),
        (("--retry-failed",), "--retry-failed"),
        (
            ("--allow-delete", "5", "--allow-cascade", "--read", "all"),
            "--allow-cascade, --read, --allow-delete",
        ),
    ],
)
def test_a_saved_plan_accepts_no_option_that_changes_the_plan(run_after_edit, options, names):
    run_after_edit("plan", "--out", "a.json")
    message = (
        "a saved plan is applied with the options that it was made with; "
        f"leave out {names}, or leave out SAVED to apply a new plan"
    )
    assert run_after_edit("apply", "a.json", *options) == (
        1,
        "",
        f"error: {message}\nrun `reconciler apply --help` for usage\n",
    )


def test_only_the_first_of_two_opened_plans_changes_the_registry(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    first, second = Workspace(), Workspace()
    plans = first.open_plan("a.json"), second.open_plan("a.json")
    assert first.apply(plans[0]).ok
    version = call_iot("DescribeThing", thingName="pump-2")["version"]
    result = second.apply(plans[1])
    # The second apply fails because the thing has changed since the plan, or it has nothing to change.
    assert [type(outcome.error) for outcome in result.outcomes if isinstance(outcome, Failed)] in (
        [],
        [StaleError],
    )
    assert call_iot("DescribeThing", thingName="pump-2")["version"] == version


def test_two_concurrent_applies_of_one_saved_plan_change_the_registry_once(run_after_edit):
    run_after_edit("plan", "--out", "a.json")
    barrier = threading.Barrier(2)
    results: list[str] = []

    def apply_saved_plan() -> None:
        workspace = Workspace()
        barrier.wait()
        try:
            results.append("done" if workspace.apply(workspace.open_plan("a.json")).ok else "failed")
        except PlanRejectedError:
            results.append("rejected")

    threads = [threading.Thread(target=apply_saved_plan) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("done") >= 1
    assert call_iot("DescribeThing", thingName="pump-2")["version"] == 2


# ── approval by digest ──────────────────────────────────────────────────────────────────────────


def test_an_approved_digest_is_applied_without_confirmation(run_after_edit):
    digest = Workspace().plan().digest
    assert run_after_edit("apply", "--approved", digest[:12])[0] == 0
    assert read_live_site() == "trondheim"


def test_a_plan_that_was_not_approved_is_rejected_with_both_digests(run_after_edit):
    approved = Workspace().plan().digest[:12]
    call_iot(
        "UpdateThing", thingName="pump-2", attributePayload={"attributes": {"site": "oslo"}, "merge": True}
    )
    current = Workspace().plan().digest[:12]
    reason = (
        f"the approved plan has the digest {approved}, but this plan has {current} "
        "(Plan for greenhouse: 1 to update, 7 unchanged); review this plan and approve its digest"
    )
    assert get_reasons(run_after_edit("apply", "--approved", approved)) == [reason]
    assert read_live_site() == "oslo"


def test_a_digest_depends_on_content_and_not_on_the_place_in_the_file(run_after_edit):
    digest_before = Workspace().plan().digest
    edit_file("[things.pump-2]", "# a comment\n\n[things.pump-2]")
    assert Workspace().plan().digest == digest_before
    edit_file('"trondheim"', '"molde"')
    assert Workspace().plan().digest != digest_before


@pytest.mark.parametrize("value", ["", "abc", "Z" * 12, "a" * 65])
def test_an_invalid_digest_is_a_usage_error(run_after_edit, value):
    message = f"invalid value for '--approved': {value!r} is not a plan digest; expected 12 to 64 hexadecimal digits, as plans show them"
    assert run_after_edit("apply", "--approved", value) == (
        1,
        "",
        f"error: {message}\nrun `reconciler apply --help` for usage\n",
    )
