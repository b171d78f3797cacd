"""Find CA certificates whose provisioning template keeps a type that AWS rejects for them.

Source: AWS IoT API reference, RegisterCACertificate: the template of a CA must be of type JITP. Loading the file checks the type that
the file gives the template, which `ignore_changes` may not apply.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.model.address import Address
from reconciler.model.change import Change, Delete, Forget, Replace

_JITP = "JITP"


def find_kept_type_errors(change: Change, context: PlanContext) -> Iterator[str]:
    """Yield an error if the template of a changed CA keeps another type than the file gives it."""
    if isinstance(change, Delete | Forget):
        return
    template = Address("provisioning_templates", str(change.resource.spec.registration_template))
    live = context.live.get(template)
    is_replaced = isinstance(context.changes.get(template), Delete | Replace)
    if live and not is_replaced and live.spec.type != _JITP:
        yield f"registration_template: {template} keeps the type {live.spec.type}; use a template of type {_JITP}"
