"""RegisterThing: a template and parameters → a certificate, a thing and policies, through the operations that make each.

The order is that of AWS's just-in-time provisioning: certificate, thing, policies, policies on the certificate, certificate
on the thing.

Law: a template that cannot be evaluated is InvalidRequest, and nothing is written. When something that it asks for cannot
be made, the answer is ResourceRegistrationFailure and what was made before stays. That AWS does not roll back is
UNCONFIRMED; whoever is ready for leftovers is ready for both. It is also that error, for the one that AWS documents is
not in the model, when a FAIL setting meets a difference.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from reconciler.registry.calling import call
from reconciler.registry.catalog import Params, Result, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, PartialError
from reconciler.registry.operations.certificates import certificate_arn, find_certificate
from reconciler.registry.operations.policies import find_policy, policy_arn
from reconciler.registry.operations.register_thing_parts import (
    CertificatePart,
    ThingPart,
    certificate_part,
    policy_parts,
    thing_part,
)
from reconciler.registry.operations.thing_groups import static_groups_of
from reconciler.registry.operations.things import find_thing, thing_arn
from reconciler.registry.store import Row
from reconciler.registry.templates.document import Resource, TemplateError, read_template
from reconciler.registry.templates.subject import certificate_parameters
from reconciler.registry.templates.values import Scope
from reconciler.registry.x509 import read_certificate
