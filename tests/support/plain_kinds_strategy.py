"""A Hypothesis strategy for the resources of plain kinds in a desired state."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.certificate_providers import CertificateProvider
from reconciler.kinds.domain_configurations import (
    ClientCertificateConfig,
    DomainConfiguration,
    ServerCertificateConfig,
    TlsConfig,
)
from reconciler.model.resource import Resource
from tests.support.desired_states import make_resource

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:check"
CERTIFICATE_ARN = "arn:aws:acm:eu-west-1:123456789012:certificate"
_texts = st.sampled_from(["oslo", "bergen"])
_tags = st.dictionaries(st.sampled_from(["line", "owner"]), _texts, max_size=2)
_functions = st.sampled_from([FUNCTION_ARN, f"{FUNCTION_ARN}-2"])


def draw_plain_resources(draw: st.DrawFn) -> list[Resource]:
    """Return resources that refer to no others outside this function, and that none refers to."""
    authorizers = _draw_authorizers(draw)
    domains = _draw_domain_configurations(draw, {item.address.name for item in authorizers})
    return [*authorizers, *domains, *_draw_certificate_providers(draw)]


def _draw_authorizers(draw: st.DrawFn) -> list[Resource]:
    """Return authorizers, with signing or without it: a change between the two would be a replacement.

    No plan replaces an authorizer that a domain configuration refers to, so whether there is signing depends on the name.
    """
    resources = []
    for name in sorted(draw(st.sets(st.sampled_from(["n", "o"])))):
        keys = {
            "token_key_name": draw(st.sampled_from(["token", "key"])),
            "token_signing_public_keys": {"k": "K"},
        }
        spec = Authorizer(
            draw(_functions),
            **keys if name == "n" else {"signing_disabled": True},
            status=draw(st.sampled_from(["ACTIVE", "INACTIVE"])),
            enable_caching_for_http=draw(st.booleans()),
            tags=draw(_tags),
        )
        resources.append(make_resource("authorizers", name, spec))
    return resources


def _draw_domain_configurations(draw: st.DrawFn, authorizers: set[str]) -> list[Resource]:
    """Return configurations of customers' own domains.

    AWS deletes others only days after they were disabled. TLS settings are always set: AWS chooses those of a new
    configuration without them, and an update leaves them alone.
    """
    certificates = st.sampled_from([f"{CERTIFICATE_ARN}/1", f"{CERTIFICATE_ARN}/2"])
    return [
        make_resource(
            "domain_configurations",
            name,
            DomainConfiguration(
                domain_name="iot.example.com",
                server_certificate_arns=(draw(certificates),),
                status=draw(st.sampled_from(["ENABLED", "DISABLED"])),
                authorizer=draw(st.sampled_from([None, *authorizers & {"n"}])),
                allow_authorizer_override=draw(st.sampled_from([None, True, False])),
                tls_config=TlsConfig(draw(st.sampled_from(["TLS13_1_2", "TLS13_1_3"]))),
                server_certificate_config=ServerCertificateConfig(enable_ocsp_check=draw(st.booleans())),
                authentication_type=draw(st.sampled_from(["DEFAULT", "CUSTOM_AUTH"])),
                client_certificate_config=draw(
                    st.sampled_from([None, ClientCertificateConfig(FUNCTION_ARN)])
                ),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.just("endpoint"))))
    ]


def _draw_certificate_providers(draw: st.DrawFn) -> list[Resource]:
    """Return at most one, as an account has."""
    return [
        make_resource("certificate_providers", name, CertificateProvider(draw(_functions), tags=draw(_tags)))
        for name in draw(st.sampled_from(["", "s", "u"]))
    ]
