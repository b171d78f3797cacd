# Resources whose changeable fields all change, and the account's configurations of indexing and of events.

variable "later" {
  type    = bool
  default = false
}

locals {
  role = "arn:aws:iam::123456789012:role/${var.later ? "second" : "first"}"
  tags = var.later ? { kept = "changed", came = "user@example.com" } : { kept = "as it was", went = "" }
}

resource "aws_iot_thing_type" "bare" {
  name = "bare"
}

resource "aws_iot_thing_type" "full" {
  name       = "full"
  deprecated = !var.later
  properties {
    description           = "A pump"
    searchable_attributes = ["site", "line", "hall"]
  }
  tags = local.tags
}

resource "aws_iot_thing" "bare" {
  name = "bare"
}

resource "aws_iot_thing" "full" {
  name            = "full:1_a-B"
  thing_type_name = var.later ? null : aws_iot_thing_type.bare.name
  attributes      = var.later ? { line = "b", hall = "3" } : { site = "oslo", line = "a" }
}

resource "aws_iot_thing_group" "grandparent" {
  name = "grandparent"
}

resource "aws_iot_thing_group" "parent" {
  name              = "parent"
  parent_group_name = aws_iot_thing_group.grandparent.name
}

resource "aws_iot_thing_group" "full" {
  name              = "full"
  parent_group_name = aws_iot_thing_group.parent.name
  properties {
    description = var.later ? "Another" : "One"
    attribute_payload { attributes = var.later ? { b = "2", c = "3" } : { a = "1" } }
  }
  tags = local.tags
}

resource "aws_iot_thing_group_membership" "m" {
  thing_name       = aws_iot_thing.bare.name
  thing_group_name = aws_iot_thing_group.full.name
}

resource "aws_iot_billing_group" "bare" {
  name = "bare"
}

resource "aws_iot_billing_group" "full" {
  name = "full"
  properties { description = var.later ? "Another" : "One" }
  tags = local.tags
}

resource "aws_iot_policy" "p" {
  name = "policy=,.@-_+"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iot:*"], Resource = [var.later ? "*" : "arn:aws:iot:eu-west-1:123456789012:*"] }]
  })
  tags = local.tags
}

resource "aws_iot_certificate" "keys" { active = true }

resource "aws_iot_certificate" "late" { active = var.later }

resource "aws_iot_policy_attachment" "a" {
  policy = aws_iot_policy.p.name
  target = var.later ? aws_iot_certificate.late.arn : aws_iot_certificate.keys.arn
}

resource "aws_iot_policy_attachment" "group" {
  policy = aws_iot_policy.p.name
  target = aws_iot_thing_group.parent.arn
}

resource "aws_iot_thing_principal_attachment" "a" {
  thing     = var.later ? aws_iot_thing.bare.name : aws_iot_thing.full.name
  principal = aws_iot_certificate.keys.arn
}

resource "aws_iot_ca_certificate" "ca" {
  active                       = var.later
  allow_auto_registration      = var.later
  ca_certificate_pem           = file("${path.module}/verified-ca.pem")
  verification_certificate_pem = file("${path.module}/verification.pem")
  registration_config {
    role_arn      = local.role
    template_body = local.template
  }
  tags = local.tags
}

resource "aws_iot_role_alias" "r" {
  alias               = "alias"
  role_arn            = local.role
  credential_duration = var.later ? 1800 : null
  tags                = local.tags
}

locals {
  template = jsonencode({
    Parameters = { SerialNumber = { Type = "String" } }
    Resources = {
      certificate = {
        Type       = "AWS::IoT::Certificate"
        Properties = { CertificateId = { Ref = "AWS::IoT::Certificate::Id" }, Status = var.later ? "Inactive" : "Active" }
      }
      policy = { Type = "AWS::IoT::Policy", Properties = { PolicyName = aws_iot_policy.p.name } }
    }
  })
}

resource "aws_iot_provisioning_template" "t" {
  name                  = "template"
  description           = var.later ? "For tests" : null
  enabled               = var.later
  provisioning_role_arn = local.role
  template_body         = local.template
  tags                  = local.tags
  dynamic "pre_provisioning_hook" {
    for_each = var.later ? ["arn:aws:lambda:eu-west-1:123456789012:function:hook"] : []
    content { target_arn = pre_provisioning_hook.value }
  }
}

resource "aws_iot_indexing_configuration" "i" {
  thing_group_indexing_configuration { thing_group_indexing_mode = var.later ? "ON" : "OFF" }
  thing_indexing_configuration {
    thing_indexing_mode              = var.later ? "REGISTRY_AND_SHADOW" : "REGISTRY"
    thing_connectivity_indexing_mode = var.later ? "STATUS" : "OFF"
    device_defender_indexing_mode    = var.later ? "VIOLATIONS" : "OFF"
    named_shadow_indexing_mode       = var.later ? "ON" : "OFF"
    dynamic "filter" {
      for_each = var.later ? [["settings", "$package"]] : []
      content { named_shadow_names = filter.value }
    }
    dynamic "custom_field" {
      for_each = var.later ? { "attributes.version" = "Number", "shadow.name.settings.desired.mode" = "String" } : {}
      content {
        name = custom_field.key
        type = custom_field.value
      }
    }
  }
}

resource "aws_iot_event_configurations" "e" {
  event_configurations = {
    for event in ["THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION", "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE"] : event => var.later != contains(["THING", "CERTIFICATE"], event)
  }
}

data "aws_iot_endpoint" "e" {
  for_each      = toset(["iot:Data", "iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"])
  endpoint_type = each.key
}

output "endpoints" { value = { for kind, found in data.aws_iot_endpoint.e : kind => found.endpoint_address } }
