# Topic rules: one with as little as possible, and one with every type of action that the provider has.

resource "aws_iot_topic_rule" "bare" {
  name        = "bare"
  enabled     = true
  sql         = "SELECT * FROM 'bare'"
  sql_version = "2015-10-08"
}

resource "aws_iot_topic_rule_destination" "d" {
  enabled = !var.later
  vpc_configuration {
    role_arn        = local.role
    security_groups = ["sg-1"]
    subnet_ids      = ["subnet-2", "subnet-1"]
    vpc_id          = var.later ? "vpc-2" : "vpc-1"
  }
}

resource "aws_iot_topic_rule" "full" {
  name        = "full"
  description = var.later ? "Another" : "One"
  enabled     = !var.later
  sql         = "SELECT * FROM 'pumps/${var.later ? "new" : "old"}'"
  sql_version = "2016-03-23"
  tags        = local.tags
  cloudwatch_alarm {
    alarm_name   = "a"
    role_arn     = local.role
    state_reason = "r"
    state_value  = "OK"
  }
  cloudwatch_logs {
    log_group_name = "g"
    role_arn       = local.role
  }
  cloudwatch_metric {
    metric_name      = "m"
    metric_namespace = "n"
    metric_unit      = "Count"
    metric_value     = "1"
    role_arn         = local.role
  }
  dynamodb {
    hash_key_field = "k"
    hash_key_value = "$${topic()}"
    role_arn       = local.role
    table_name     = "t"
  }
  dynamodbv2 {
    role_arn = local.role
    put_item { table_name = "t" }
  }
  elasticsearch {
    endpoint = "https://domain.eu-west-1.es.amazonaws.com"
    id       = "i"
    index    = "x"
    role_arn = local.role
    type     = "y"
  }
  firehose {
    delivery_stream_name = "s"
    role_arn             = local.role
    separator            = "\n"
  }
  http {
    url = "https://example.com/x"
    http_header {
      key   = "k"
      value = "v"
    }
  }
  kafka {
    destination_arn   = aws_iot_topic_rule_destination.d.arn
    topic             = "t"
    client_properties = { "bootstrap.servers" = "b:9094" }
  }
  timestream {
    database_name = "d"
    role_arn      = local.role
    table_name    = "t"
    dimension {
      name  = "n"
      value = "v"
    }
  }
  error_action {
    republish {
      role_arn = local.role
      topic    = "errors"
    }
  }
}

resource "aws_iot_topic_rule" "other" {
  name        = "other"
  enabled     = true
  sql         = "SELECT *"
  sql_version = "2016-03-23"
  iot_analytics {
    channel_name = "c"
    role_arn     = local.role
  }
  iot_events {
    input_name = "i"
    role_arn   = local.role
  }
  kinesis {
    role_arn    = local.role
    stream_name = "s"
  }
  lambda { function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:f" }
  republish {
    role_arn = local.role
    topic    = "t"
  }
  s3 {
    bucket_name = "b"
    key         = "k"
    role_arn    = local.role
  }
  sns {
    role_arn   = local.role
    target_arn = "arn:aws:sns:eu-west-1:123456789012:t"
  }
  sqs {
    queue_url  = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    role_arn   = local.role
    use_base64 = true
  }
  step_functions {
    role_arn           = local.role
    state_machine_name = "m"
  }
}
