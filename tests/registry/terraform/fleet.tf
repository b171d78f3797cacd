# A fleet of one device, which moves to another site.

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

resource "aws_iot_thing_group" "fleet" {
  name = "fleet"
}

resource "aws_iot_thing_group" "child" {
  name              = "child"
  parent_group_name = aws_iot_thing_group.fleet.name
  properties {
    description = "In ${var.site}"
    attribute_payload { attributes = { site = var.site } }
  }
  tags = { site = var.site }
}

resource "aws_iot_thing_group_membership" "pump" {
  thing_name             = aws_iot_thing.pump.name
  thing_group_name       = aws_iot_thing_group.child.name
  override_dynamic_group = true
}

resource "aws_iot_billing_group" "b" {
  name = "billing"
  properties { description = "In ${var.site}" }
  tags = { site = var.site }
}

resource "aws_iot_policy" "connect" {
  name   = "connect"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:Connect", Resource = "arn:aws:iot:eu-west-1:123456789012:client/${var.site}" }] })
  tags   = { site = var.site }
}

resource "aws_iot_certificate" "pump" { active = var.site == "oslo" }

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
  depends_on      = [aws_iot_ca_certificate.sni_only]
}

resource "aws_iot_ca_certificate" "sni_only" {
  active                  = true
  ca_certificate_pem      = file("${path.module}/ca.pem")
  allow_auto_registration = var.site == "oslo"
  certificate_mode        = "SNI_ONLY"
  registration_config {
    template_name = aws_iot_provisioning_template.fleet.name
    role_arn      = "arn:aws:iam::123456789012:role/p"
  }
  tags = { site = var.site }
}

resource "aws_iot_policy_attachment" "pump" {
  policy = aws_iot_policy.connect.name
  target = aws_iot_certificate.sni.arn
}

resource "aws_iot_thing_principal_attachment" "pump" {
  principal = aws_iot_certificate.sni.arn
  thing     = aws_iot_thing.pump.name
}

resource "aws_iot_role_alias" "fleet" {
  alias               = "fleet"
  role_arn            = "arn:aws:iam::123456789012:role/${var.site}"
  credential_duration = 3600
  tags                = { site = var.site }
}

resource "aws_iot_provisioning_template" "fleet" {
  name                  = "fleet"
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

data "aws_iot_registration_code" "c" {}
output "registration_code" { value = data.aws_iot_registration_code.c.registration_code }
