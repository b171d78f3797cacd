"""Parameters that identify a resource by name or by ARN."""

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context


def resolve_name(context: Context, params: Params, noun: str, prefix: str) -> str:
    """Return the name from `<noun>Name` and `<noun>Arn`, one of which is required.

    `noun` is AWS's word in both parameters, such as `thing`; `prefix` is the ARN without the name. Raises InvalidRequest when
    neither is given, when they differ, and for an ARN without the prefix.
    """
    name, arn = params.get(f"{noun}Name"), params.get(f"{noun}Arn")
    if arn is not None and not arn.startswith(prefix):
        raise context.invalid(f"{noun}Arn {arn} is not an ARN of this account and Region.")
    arn_name = None if arn is None else arn.removeprefix(prefix)
    if name is None and arn_name is None:
        raise context.invalid(f"Either {noun}Name or {noun}Arn must be given.")
    if name is not None and arn_name is not None and name != arn_name:
        raise context.invalid(f"{noun}Name and {noun}Arn do not name the same resource.")
    return str(name if name is not None else arn_name)
