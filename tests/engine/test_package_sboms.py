"""The SBOM of a package version: an apply reports an invalid one, and so do later plans and `show`."""

from __future__ import annotations

from attrs import evolve

from reconciler.engine.export.export import read_inventory
from reconciler.engine.status import read_status
from reconciler.kinds import all_kinds
from reconciler.kinds.package_versions import PackageVersion
from reconciler.kinds.packages import Package
from reconciler.kinds.shared.package_sboms import S3Location, Sbom
from reconciler.model.address import Address
from reconciler.model.outcome import Failed
from reconciler.registry import Registry
from tests.support.desired_states import apply, make_resource, make_state, plan_state
from tests.support.registry_client import SETTINGS, Cloud

VERSION = PackageVersion(
    "firmware", "1.0.0", status="PUBLISHED", sbom=Sbom(S3Location("b", "sbom.zip", version=None))
)
ADVICE = (
    "`reconciler show` prints why; upload a valid archive under another key or version, and change sbom to it"
)


def test_an_invalid_sbom_fails_the_step_after_its_other_calls_and_is_noted(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "sbom.zip").write_text("text")
    cloud = Cloud()
    cloud.registry = Registry(":memory:", evolve(SETTINGS, buckets=tmp_path))
    state = make_state(
        make_resource("packages", "firmware", Package()), make_resource("package_versions", "a", VERSION)
    )
    outcomes = apply(plan_state(state, cloud), cloud, pause=lambda _: None)
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert (str(failed.error), failed.error.advice) == ("AWS reports FAILED: AWS gives no reason", ADVICE)
    assert cloud.iot.get_package_version(packageName="firmware", versionName="1.0.0")["status"] == "PUBLISHED"

    plan = plan_state(state, cloud)
    assert (plan.steps, [note.text for note in plan.notes]) == (
        (),
        [f"the validation of its SBOM failed; {ADVICE}"],
    )
    live = read_inventory(state, cloud.call)[Address("package_versions", "a")]
    assert read_status(all_kinds()["package_versions"], live, cloud.call).values == {
        "sbom_validation_status": "FAILED",
        "sbom_failures": ["sbom.zip: The file is not a zip archive."],
    }
