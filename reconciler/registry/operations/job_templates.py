"""Job templates: the operations that create, describe, list and delete them.

There are no jobs, so no template can be created from one.
"""

from collections.abc import Iterator
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

JOB_TEMPLATES = NamedResourceType(
    "job template", "jobtemplate", "jobTemplateId", already_exists_code="ConflictException"
)

_MAX_TIMEOUT_MINUTES = 10_080
_MAX_DESTINATION_PACKAGE_VERSIONS = 25


@operation("iot", "CreateJobTemplate")
def create_job_template(context: Context, params: Params) -> Output | None:
    """Create a job template. Repeating the call fails.

    Raises Conflict (409) if it exists, ResourceNotFound for any job, InvalidRequest for invalid tags, without exactly one document,
    and for what `_find_problems` finds.
    """
    if "jobArn" in params:
        raise not_found(f"The job {params['jobArn']} does not exist.")
    for problem in _find_problems(params):
        raise context.invalid(problem)
    template = JOB_TEMPLATES.create(context, params)
    return {"jobTemplateId": template.name, "jobTemplateArn": template.arn}


@operation("iot", "DescribeJobTemplate")
def describe_job_template(context: Context, params: Params) -> Output | None:
    """Return everything about a job template except its tags. Raises ResourceNotFound."""
    template = JOB_TEMPLATES.require(context, params)
    return {**template.members, **_summarize(template)}


@operation("iot", "ListJobTemplates")
def list_job_templates(context: Context, params: Params) -> Output | None:
    """Return the names, ARNs and descriptions of the job templates, in creation order."""
    return JOB_TEMPLATES.list_page(context, params, "jobTemplates", _summarize)


@operation("iot", "DeleteJobTemplate")
def delete_job_template(context: Context, params: Params) -> Output | None:
    """Delete a job template. Raises ResourceNotFound."""
    if JOB_TEMPLATES.delete(context, params) is None:
        raise not_found(f"The job template {params['jobTemplateId']} does not exist.")
    return None


def _summarize(template: NamedResource) -> Output:
    return {
        "jobTemplateId": template.name,
        "jobTemplateArn": template.arn,
        "description": template.members["description"],
        "createdAt": template.created_at,
    }


def _find_problems(params: Params) -> Iterator[str]:
    """Yield what AWS rejects although the service model allows it; three of the texts are AWS's."""
    documents = [name for name in ("document", "documentSource") if name in params]
    if not documents:
        yield "Neither job document nor job document source is specified."
    if len(documents) > 1:
        yield "Job document and job document source cannot be specified at the same time."
    rate: dict[str, Any] = params.get("jobExecutionsRolloutConfig", {}).get("exponentialRate", {})
    if len(rate.get("rateIncreaseCriteria", ())) > 1:
        yield (
            "Provide only one of NumberOfNotifiedThings or NumberOfSucceededThings when RateIncreaseCriteria is defined"
        )
    for criteria in params.get("abortConfig", {}).get("criteriaList", ()):
        threshold = criteria["thresholdPercentage"]
        if threshold <= 0:
            yield (f"ThresholdPercentage value {threshold} for AbortCriteria must have value greater than 0")
    minutes = params.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes", 1)
    if not 1 <= minutes <= _MAX_TIMEOUT_MINUTES:
        yield f"InProgressTimeoutInMinutes must be from 1 to {_MAX_TIMEOUT_MINUTES}."
    if len(params.get("destinationPackageVersions", ())) > _MAX_DESTINATION_PACKAGE_VERSIONS:
        yield f"A job template can have {_MAX_DESTINATION_PACKAGE_VERSIONS} destination package versions."
