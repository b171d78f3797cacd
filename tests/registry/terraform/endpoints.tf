# Authorizers and a domain configuration that refers to one.

resource "aws_iot_authorizer" "signed" {
  name                      = "signed"
  authorizer_function_arn   = "arn:aws:lambda:eu-west-1:123456789012:function:${var.later ? "second" : "first"}"
  token_key_name            = var.later ? "key" : "token"
  token_signing_public_keys = { k = file("${path.module}/signing-key.pem") }
  enable_caching_for_http   = var.later
  tags                      = local.tags
}

resource "aws_iot_authorizer" "unsigned" {
  name                    = "unsigned"
  authorizer_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:first"
  signing_disabled        = true
  status                  = var.later ? "INACTIVE" : "ACTIVE"
}

resource "aws_iot_domain_configuration" "d" {
  name                    = "devices"
  domain_name             = "devices.example.com"
  service_type            = "DATA"
  server_certificate_arns = ["arn:aws:acm:eu-west-1:123456789012:certificate/1"]
  authorizer_config {
    default_authorizer_name   = aws_iot_authorizer.signed.name
    allow_authorizer_override = var.later
  }
  dynamic "tls_config" {
    for_each = var.later ? ["IotSecurityPolicy_TLS13_1_3_2022_10"] : []
    content { security_policy = tls_config.value }
  }
  tags = local.tags
}
