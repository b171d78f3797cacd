"""STS's GetCallerIdentity, the only STS operation served.

Clients call it to find out which account they use.

STS uses AWS's query protocol: the request is a form, and the response is XML.
"""

import os
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from reconciler.registry.addressing import parse_credential_scope
from reconciler.registry.context import find_partition
from reconciler.registry.http import HttpRequest, HttpResponse, RegistrySettings

_RESPONSE = """\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>{arn}</Arn>
    <UserId>{account}</UserId>
    <Account>{account}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>
"""


def get_caller_identity(request: HttpRequest, settings: RegistrySettings) -> HttpResponse | None:
    """Return the response to GetCallerIdentity, or None if the request is for something else."""
    # A quick check first, so that the bodies of other requests are not parsed.
    if request.method != "POST" or b"Action=GetCallerIdentity" not in request.body:
        return None
    if parse_qs(request.body.decode("latin-1")).get("Action") != ["GetCallerIdentity"]:
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    caller = parse_credential_scope(headers.get("authorization"), settings)
    arn = f"arn:{find_partition(caller.region)}:iam::{caller.account}:root"
    text = _RESPONSE.format(arn=escape(arn), account=caller.account, request=os.urandom(16).hex())
    body = text.encode()
    return HttpResponse(200, {"Content-Type": "text/xml", "Content-Length": str(len(body))}, body)
