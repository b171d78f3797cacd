variable "site" { default = "oslo" }

resource "aws_iot_thing_type" "pump" {
  name = "pump"
  properties {
    description           = "A pump"
    searchable_attributes = ["site"]
  }
  tags = { site = var.site }
}

resource "aws_iot_thing" "pump" {
  name            = "pump-7"
  thing_type_name = aws_iot_thing_type.pump.name
  attributes      = { site = var.site }
}

resource "aws_iot_thing_group" "parent" {
  name = "parent"
}

resource "aws_iot_thing_group" "child" {
  name              = "child"
  parent_group_name = aws_iot_thing_group.parent.name
  properties {
    description = "In ${var.site}"
    attribute_payload { attributes = { site = var.site } }
  }
  tags = { site = var.site }
}

resource "aws_iot_thing_group_membership" "m" {
  thing_name             = aws_iot_thing.pump.name
  thing_group_name       = aws_iot_thing_group.child.name
  override_dynamic_group = true
}

resource "aws_iot_billing_group" "b" {
  name = "billing"
  properties { description = "In ${var.site}" }
  tags = { site = var.site }
}

resource "aws_iot_policy" "p" {
  name   = "connect"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:Connect", Resource = "arn:aws:iot:eu-west-1:123456789012:client/${var.site}" }] })
  tags   = { site = var.site }
}

resource "aws_iot_certificate" "keys" { active = var.site == "oslo" }

resource "aws_iot_certificate" "csr" {
  csr    = file("${path.module}/device.csr")
  active = true
}

resource "aws_iot_certificate" "sni" {
  certificate_pem = file("${path.module}/signed-by-other-ca.pem")
  active          = true
}

resource "aws_iot_certificate" "signed" {
  certificate_pem = file("${path.module}/signed.pem")
  ca_pem          = file("${path.module}/ca.pem")
  active          = true
  depends_on      = [aws_iot_ca_certificate.ca]
}

resource "aws_iot_ca_certificate" "ca" {
  active                  = true
  ca_certificate_pem      = file("${path.module}/ca.pem")
  allow_auto_registration = var.site == "oslo"
  certificate_mode        = "SNI_ONLY"
  registration_config {
    template_name = aws_iot_provisioning_template.t.name
    role_arn      = "arn:aws:iam::123456789012:role/p"
  }
  tags = { site = var.site }
}

resource "aws_iot_policy_attachment" "a" {
  policy = aws_iot_policy.p.name
  target = aws_iot_certificate.sni.arn
}

resource "aws_iot_thing_principal_attachment" "a" {
  principal = aws_iot_certificate.sni.arn
  thing     = aws_iot_thing.pump.name
}

resource "aws_iot_role_alias" "r" {
  alias               = "alias"
  role_arn            = "arn:aws:iam::123456789012:role/${var.site}"
  credential_duration = 3600
  tags                = { site = var.site }
}

resource "aws_iot_provisioning_template" "t" {
  name                  = "template"
  description           = "In ${var.site}"
  provisioning_role_arn = "arn:aws:iam::123456789012:role/p"
  enabled               = true
  type                  = "JITP"
  template_body = jsonencode({
    Parameters = { "AWS::IoT::Certificate::Id" = { Type = "String" } }
    Resources = {
      certificate = { Type = "AWS::IoT::Certificate", Properties = { CertificateId = { Ref = "AWS::IoT::Certificate::Id" }, Status = "ACTIVE" } }
      thing       = { Type = "AWS::IoT::Thing", Properties = { ThingName = "x-${var.site}" } }
    }
  })
  tags = { site = var.site }
}

resource "aws_iot_indexing_configuration" "i" {
  thing_indexing_configuration {
    thing_indexing_mode = "REGISTRY"
  }
  thing_group_indexing_configuration { thing_group_indexing_mode = var.site == "oslo" ? "ON" : "OFF" }
}

resource "aws_iot_event_configurations" "e" {
  event_configurations = {
    CA_CERTIFICATE         = false
    CERTIFICATE            = var.site == "oslo"
    JOB                    = false
    JOB_EXECUTION          = false
    POLICY                 = false
    THING                  = true
    THING_GROUP            = false
    THING_GROUP_HIERARCHY  = false
    THING_GROUP_MEMBERSHIP = false
    THING_TYPE             = false
    THING_TYPE_ASSOCIATION = false
  }
}

data "aws_iot_endpoint" "e" { endpoint_type = "iot:Data-ATS" }
data "aws_iot_registration_code" "c" {}
output "x" { value = [data.aws_iot_endpoint.e.endpoint_address, data.aws_iot_registration_code.c.registration_code] }
