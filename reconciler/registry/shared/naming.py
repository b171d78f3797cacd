"""Resources that a request may name by name or by ARN. No table and no operation is here."""

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context


def resolve_name(context: Context, params: Params, noun: str, prefix: str) -> str:
    """Give the name that is meant by `<noun>Name` and `<noun>Arn`, of which one is enough.

    `prefix` is the ARN of the empty name. Raises InvalidRequest when neither is given, or when they do not agree.
    """
    name, arn = params.get(f"{noun}Name"), params.get(f"{noun}Arn")
    if arn is not None and not arn.startswith(prefix):
        raise context.invalid(f"{noun}Arn {arn} is not an ARN of this account and Region.")
    from_arn = None if arn is None else arn.removeprefix(prefix)
    if name is None and from_arn is None:
        raise context.invalid(f"Either {noun}Name or {noun}Arn must be given.")
    if name is not None and from_arn is not None and name != from_arn:
        raise context.invalid(f"{noun}Name and {noun}Arn do not name the same.")
    return str(name if name is not None else from_arn)
